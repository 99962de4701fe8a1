#include "fused_pass.h"

#include <algorithm>
#include <string>

namespace concertina::fused {
namespace {

const Buffer& buffer_of(const PassState& state, ChannelSlice view) {
  return state.plan().buffers[static_cast<std::size_t>(view.buffer)];
}

std::string kind_of(const Operation& operation) {
  if (operation.kind == Kind::head) return "head";
  if (operation.kind == Kind::tap) return "tap";
  const std::string size = std::to_string(operation.window.kernel);
  return (operation.kind == Kind::depthwise ? "depthwise " : "conv ") + size + "x" + size;
}

double flop_of(const Operation& operation, std::int64_t images) {
  if (operation.kind == Kind::tap) return 0;
  const kernels::Window& window = operation.window;
  return 2.0 * static_cast<double>(images * window.out_pixels() * operation.weight_size());
}

}  // namespace

const ResolvedLayer& PassState::layer(int k) const {
  return compiled->resolved.layers[static_cast<std::size_t>(k)];
}

Coefficients& PassState::coefficients_of(ChannelSlice view) {
  return coefficients[static_cast<std::size_t>(view.buffer)];
}

std::int64_t PassState::stride(ChannelSlice view) const { return buffer_of(*this, view).channels; }
kernels::Affine PassState::affine(ChannelSlice view) const {
  const Coefficients& of = coefficients[static_cast<std::size_t>(view.buffer)];
  return {of.scale.data() + view.channel, of.shift.data() + view.channel,
          buffer_of(*this, view).low, buffer_of(*this, view).high};
}

float* PassState::scratch(int thread, std::int64_t floats) const {
  Block& block_here = workspace->scratch[static_cast<std::size_t>(thread)];
  if (block_here.floats() < floats) block_here = Block(floats);
  return block_here.data();
}

Timed::Timed(const PassState& state, const Operation& operation, Way way)
    : state_(state), operation_(operation), way_(way) {
  if (state.workspace->profile != nullptr) start_ = std::chrono::steady_clock::now();
}

Timed::~Timed() {
  if (state_.workspace->profile == nullptr) return;
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
  KindTime& kind = (*state_.workspace->profile)[kind_of(operation_)];
  const double flop = flop_of(operation_, state_.images);
  if (way_ == Way::forward) {
    kind.forward_s += taken.count();
    kind.flop += flop;
  } else {
    kind.backward_s += taken.count();
    kind.flop += operation_.in.buffer == 0 ? flop : 2 * flop;  // the images need no gradient
  }
}

// At least 128 rows a lane; few lanes where the weight is large, because each has its own gradient.
int lane_count(const Operation& operation, std::int64_t images) {
  const kernels::Window& window = operation.window;
  const bool large =
      operation.kind == Kind::conv && operation.weight_size() >= (std::int64_t{1} << 18);
  int lanes = large ? 4 : 16;
  while (lanes > 1 && (lanes > images || images * window.out_pixels() / lanes < 128)) lanes /= 2;
  return lanes;
}

Share share_of(int lane, int lanes, std::int64_t images) {
  return {lane * images / lanes, (lane + 1) * images / lanes};
}

std::int64_t tile_rows(const Operation& operation, bool whole_images) {
  constexpr std::int64_t kCache = 1024 * 1024;  // bytes
  std::int64_t rows = 512;
  while (rows > 64 && rows * (operation.inner() + operation.columns()) * 4 > kCache) rows /= 2;
  if (!whole_images) return rows;
  const std::int64_t pixels = operation.row_pixels();
  return std::max<std::int64_t>(rows / pixels, 1) * pixels;
}

}  // namespace concertina::fused
