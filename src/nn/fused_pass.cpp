#include "fused_pass.h"

#include <algorithm>

namespace concertina::fused {
namespace {

const Buffer& buffer_of(const PassState& state, View view) {
  return state.plan().buffers[static_cast<std::size_t>(view.buffer)];
}

}  // namespace

const ResolvedLayer& PassState::layer(int k) const {
  return compiled->resolved.layers[static_cast<std::size_t>(k)];
}

Coefficients& PassState::coefficients_of(View view) {
  return coefficients[static_cast<std::size_t>(view.buffer)];
}

std::int64_t PassState::stride(View view) const { return buffer_of(*this, view).channels; }
float PassState::low(View view) const { return buffer_of(*this, view).low; }
float PassState::high(View view) const { return buffer_of(*this, view).high; }

float* PassState::z(View view) const {
  return block->data() + arena.offsets[static_cast<std::size_t>(view.buffer)] + view.channel;
}

float* PassState::g(View view) const {
  const std::size_t place = plan().buffers.size() + static_cast<std::size_t>(view.buffer);
  return block->data() + arena.offsets[place] + view.channel;
}

kernels::Affine PassState::affine(View view) const {
  const Coefficients& of = coefficients[static_cast<std::size_t>(view.buffer)];
  return {of.scale.data() + view.channel, of.shift.data() + view.channel, low(view), high(view)};
}

float* PassState::scratch(int thread, std::int64_t floats) const {
  Block& block_here = workshop->scratch[static_cast<std::size_t>(thread)];
  if (block_here.floats() < floats) block_here = Block(floats);
  return block_here.data();
}

// At least 128 rows a lane; few lanes where the weight is large, because each has its own gradient.
int lane_count(const Operation& operation, std::int64_t images) {
  const kernels::Window& window = operation.window;
  const std::int64_t weight = window.taps() * window.channels * operation.out.channels;
  const bool large = operation.kind == Kind::conv && weight >= (std::int64_t{1} << 18);
  int lanes = large ? 4 : 16;
  while (lanes > 1 && (lanes > images || images * window.out_pixels() / lanes < 128)) lanes /= 2;
  return lanes;
}

Share share_of(int lane, int lanes, std::int64_t images) {
  return {lane * images / lanes, (lane + 1) * images / lanes};
}

std::int64_t tile_rows(const Operation& operation) {
  constexpr std::int64_t kCache = 640 * 1024;  // bytes
  const std::int64_t inner = operation.window.taps() * operation.window.channels;
  std::int64_t rows = 256;
  while (rows > 64 && rows * (inner + operation.out.channels) * 4 > kCache) rows /= 2;
  return rows;
}

}  // namespace concertina::fused
