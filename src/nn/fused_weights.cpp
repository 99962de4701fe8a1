// Between full tensors and what a sub-model's kernels read and write.
#include <algorithm>
#include <numeric>
#include <type_traits>

#include <ATen/Functions.h>

#include "fused_pass.h"

namespace concertina::fused {
namespace {

std::vector<std::int64_t> channels_of(const std::vector<Range>& ranges) {
  std::vector<std::int64_t> channels;
  for (const Range& range : ranges) {
    for (int c = range.begin; c < range.end; ++c) channels.push_back(c);
  }
  return channels;
}

bool is_leading(const std::vector<Range>& ranges) {
  return ranges.size() == 1 && ranges.front().begin == 0;
}

float* gradient_of(const at::Tensor& parameter) {
  at::Tensor& gradient = parameter.mutable_grad();
  if (!gradient.defined()) {
    gradient = at::empty_like(parameter.detach());
    std::fill_n(gradient.data_ptr<float>(), gradient.numel(), 0.0F);  // at::zeros starts threads
  }
  return gradient.data_ptr<float>();
}

std::int64_t floats_a_row(const at::Tensor& weight) { return weight.numel() / weight.size(0); }

// Where the rows of an operation's weight stand in the full tensors.
struct FullRows {
  struct Row {
    std::size_t part;
    std::int64_t begin;  // floats from the beginning of that part's tensor
  };
  std::vector<Row> rows;
  std::vector<std::int64_t> places;  // of a row's elements, from its beginning on
  bool dense = false;                // one beside the other
};

void add_rows(const PassState& state, const Operation& one, std::int64_t tap, FullRows& into) {
  for (std::size_t part = 0; part < one.parts.size(); ++part) {
    const int k = one.parts[part].layer;
    for (const std::int64_t out : channels_of(state.layer(k).out)) {
      into.rows.push_back({part, out * floats_a_row(state.tensor(k).weight) + tap});
    }
  }
}

FullRows full_rows(const PassState& state, const Operation& one) {
  const std::int64_t taps = one.window.taps();
  const std::vector<Range>& ranges = state.layer(one.parts.front().layer).in;
  const std::vector<std::int64_t> in =
      one.kind == Kind::depthwise ? std::vector<std::int64_t>{0} : channels_of(ranges);
  FullRows full;
  if (one.patches == Patches::of_output) {
    for (std::int64_t tap = taps; tap-- > 0;) add_rows(state, one, tap, full);
    for (const std::int64_t c : in) full.places.push_back(c * taps);
    return full;
  }
  add_rows(state, one, 0, full);
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (const std::int64_t c : in) full.places.push_back(c * taps + tap);
  }
  full.dense = one.kind == Kind::depthwise || (taps == 1 && is_leading(ranges));
  return full;
}

// The full weight is read as it lies where it is one whose channels are the leading ones.
bool lies_well(const PassState& state, const Operation& one) {
  const ResolvedLayer& layer = state.layer(one.parts.front().layer);
  return one.parts.size() == 1 && one.window.taps() == 1 && is_leading(layer.in) &&
         is_leading(layer.out);
}

// How a weight's elements lie where the kernels work: row n from n * row on, element k of it k *
// step further.
struct Layout {
  std::int64_t row, step;
};
Layout layout_of(const Operation& one) {
  return one.kind == Kind::depthwise ? Layout{1, one.columns()} : Layout{one.inner(), 1};
}

void gather_rows(const PassState& state, const Operation& one, float* into) {
  const FullRows full = full_rows(state, one);
  const Layout layout = layout_of(one);
  for (const FullRows::Row row : full.rows) {
    const float* from = state.weight_of(one, row.part).data_ptr<float>() + row.begin;
    for (std::size_t k = 0; k < full.places.size(); ++k) {
      into[static_cast<std::int64_t>(k) * layout.step] = from[full.places[k]];
    }
    into += layout.row;
  }
}

// What an operation's weight takes, floats: rows [columns, inner] where they are gathered, [inner,
// columns] packed, and its transpose packed. float32 rows are that transpose.
template <class T>
struct Room {
  Room(const PassState& state, const Operation& one) {
    const std::int64_t inner = one.inner();
    const std::int64_t columns = one.columns();
    if (!lies_well(state, one)) rows = BumpAllocator::room<float>(columns * inner);
    forward = BumpAllocator::room<T>(kernels::packed_size<T>(inner, columns));
    const bool is_there = std::is_same_v<T, float> || !state.setting.with_gradient;
    back = is_there ? 0 : BumpAllocator::room<T>(kernels::packed_size<T>(columns, inner));
  }
  std::int64_t rows = 0, forward = 0, back = 0;
};

template <class T>
Weight pack_rows(const PassState& state, const Operation& one, float* into) {
  const Room<T> room(state, one);
  const at::Tensor& full = state.weight_of(one, 0);
  const float* rows = full.data_ptr<float>();
  std::int64_t row = floats_a_row(full);
  Weight weight;
  weight.inner = one.inner();
  weight.columns = one.columns();
  if (room.rows > 0) {
    gather_rows(state, one, into);
    rows = into;
    row = weight.inner;
  }
  into += room.rows;
  auto* packed = reinterpret_cast<T*>(into);
  weight.forward_data = kernels::pack(weight.inner, weight.columns, rows, 1, row, packed).data;
  if constexpr (std::is_same_v<T, float>) {
    weight.back_data = rows;
    weight.back_row = row;
  } else if (room.back > 0) {
    packed = reinterpret_cast<T*>(into + room.forward);
    weight.back_data = kernels::pack(weight.columns, weight.inner, rows, row, 1, packed).data;
  }
  return weight;
}

// Heads compute in float32 in every pass.
template <class Body>
auto with_type_of(const PassState& state, const Operation& one, const Body& body) {
  return one.kind == Kind::head ? body(float()) : with_type(state, body);
}

std::int64_t room_of(const PassState& state, const Operation& one) {
  if (one.parts.empty()) return 0;
  if (one.kind == Kind::depthwise) return BumpAllocator::room<float>(one.weight_size());
  return with_type_of(state, one, [&](auto type) {
    const Room<decltype(type)> room(state, one);
    return room.rows + room.forward + room.back;
  });
}

void pack_anew(PassState& state) {
  const std::vector<Operation>& operations = state.plan().operations;
  state.weights.assign(operations.size(), {});
  std::vector<std::int64_t> places{0};
  for (const Operation& one : operations) places.push_back(places.back() + room_of(state, one));
  state.weight_block = state.workspace->memory.borrow(places.back());
  state.pool().run(static_cast<int>(operations.size()), [&](int index, int) {
    const auto at = static_cast<std::size_t>(index);
    const Operation& one = operations[at];
    if (one.parts.empty()) return;
    float* into = state.weight_block->data() + places[at];
    if (one.kind == Kind::depthwise) {
      gather_rows(state, one, into);
      state.weights[at].taps = into;
      return;
    }
    state.weights[at] = with_type_of(
        state, one, [&](auto type) { return pack_rows<decltype(type)>(state, one, into); });
  });
}

std::vector<KeptWeights::Stamp> stamps_of(const PassState& state) {
  std::vector<KeptWeights::Stamp> stamps;
  for (const Operation& one : state.plan().operations) {
    for (std::size_t part = 0; part < one.parts.size(); ++part) {
      const at::Tensor& weight = state.weight_of(one, part);
      stamps.push_back({weight.storage(), static_cast<std::uint32_t>(weight._version())});
    }
  }
  return stamps;
}

bool same(const std::vector<KeptWeights::Stamp>& a, const std::vector<KeptWeights::Stamp>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.storage.data() == y.storage.data() && x.version == y.version;
  });
}

}  // namespace

void pack_weights(PassState& state) {
  if (state.setting.with_gradient || state.setting.precision != Precision::fp32) {
    pack_anew(state);
    return;
  }
  KeptWeights& kept = state.workspace->kept[state.compiled];
  std::vector<KeptWeights::Stamp> stamps = stamps_of(state);
  if (kept.room == nullptr || !same(kept.stamps, stamps)) {
    pack_anew(state);
    kept = {std::move(stamps), state.weight_block, state.weights};
  }
  state.weight_block = kept.room;
  state.weights = kept.weights;
}

void add_weight_gradient(PassState& state, const Operation& one, const float* of_lanes, int lanes) {
  const FullRows full = full_rows(state, one);
  const Layout layout = layout_of(one);
  std::vector<float*> gradients;
  for (std::size_t part = 0; part < one.parts.size(); ++part) {
    gradients.push_back(gradient_of(state.weight_of(one, part)));
  }
  const auto count = static_cast<std::int64_t>(full.places.size());
  constexpr int kChunks = 16;
  state.pool().run(kChunks, [&](int chunk, int) {
    const Share share = share_of(chunk, kChunks, one.columns());
    for (int lane = 0; lane < lanes; ++lane) {
      const float* from = of_lanes + lane * one.weight_size();
      for (std::int64_t n = share.begin; n < share.end; ++n) {
        const FullRows::Row row = full.rows[static_cast<std::size_t>(n)];
        float* to = gradients[row.part] + row.begin;
        const float* packed = from + n * layout.row;
        if (full.dense && layout.step == 1) {
          kernels::rows<float>().store({1, count}, packed, true, to, count);
          continue;
        }
        for (std::int64_t k = 0; k < count; ++k) {
          to[full.places[static_cast<std::size_t>(k)]] += packed[k * layout.step];
        }
      }
    }
  });
}

void add_bias_gradient(const PassState& state, const Operation& one, const at::Tensor& gradient) {
  const at::Tensor& bias = state.tensor(one.parts.front().layer).bias;
  if (!bias.defined()) return;
  gradient_of(bias);
  bias.mutable_grad().add_(at::sum(gradient, 0));
}

std::vector<float> channel_values(const PassState& state, int k, const at::Tensor& full) {
  const ResolvedLayer& layer = state.layer(k);
  const float* from = full.data_ptr<float>();
  std::vector<float> values;
  if (full.numel() == layer.out_channels) {
    values.assign(from, from + layer.out_channels);
  } else {
    for (const std::int64_t c : channels_of(layer.out)) values.push_back(from[c]);
  }
  return values;
}

void add_norm_gradient(const PassState& state, const Part& part, const double* weight,
                       const double* bias) {
  const LayerTensors& tensors = state.tensor(part.norm);
  std::vector<std::int64_t> places = channels_of(state.layer(part.norm).out);
  if (tensors.weight.numel() == part.channels) {
    std::iota(places.begin(), places.end(), 0);
  }
  float* weight_gradient = gradient_of(tensors.weight);
  float* bias_gradient = gradient_of(tensors.bias);
  for (std::size_t c = 0; c < places.size(); ++c) {
    weight_gradient[places[c]] += static_cast<float>(weight[c]);
    bias_gradient[places[c]] += static_cast<float>(bias[c]);
  }
}

}  // namespace concertina::fused
