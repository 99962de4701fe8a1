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

// Where the elements of a packed row [taps, in] stand in a full row [in, taps].
std::vector<std::int64_t> places_in_row(const PassState& state, const Operation& one) {
  const std::vector<std::int64_t> in = channels_of(state.layer(one.layer).in);
  const std::int64_t taps = one.window.taps();
  std::vector<std::int64_t> places;
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (const std::int64_t c : in) places.push_back(c * taps + tap);
  }
  return places;
}

std::int64_t floats_a_row(const at::Tensor& weight) { return weight.numel() / weight.size(0); }

// The full weight of a convolution is read as it lies where its channels are the leading ones.
bool lies_well(const PassState& state, const Operation& one) {
  const ResolvedLayer& layer = state.layer(one.layer);
  return one.window.taps() == 1 && is_leading(layer.in) && is_leading(layer.out);
}

// Rows [out, taps * in] of a convolution's or linear layer's channels.
void gather_rows(const PassState& state, const Operation& one, float* rows) {
  const at::Tensor& full = state.tensor(one.layer).weight;
  const std::vector<std::int64_t> places = places_in_row(state, one);
  for (const std::int64_t out : channels_of(state.layer(one.layer).out)) {
    const float* from = full.data_ptr<float>() + out * floats_a_row(full);
    for (const std::int64_t place : places) *rows++ = from[place];
  }
}

void gather_taps(const PassState& state, const Operation& one, float* into) {
  const float* from = state.tensor(one.layer).weight.data_ptr<float>();
  const std::int64_t taps = one.window.taps();
  const std::vector<std::int64_t> channels = channels_of(state.layer(one.layer).out);
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (const std::int64_t c : channels) *into++ = from[c * taps + tap];
  }
}

// What an operation's weight takes, floats: rows [out, taps * in] where they are gathered, [taps *
// in, out] packed, and its transpose packed. float32 rows are that transpose.
template <class T>
struct Room {
  Room(const PassState& state, const Operation& one) {
    const std::int64_t inner = one.inner();
    const std::int64_t columns = one.out.channels;
    if (!lies_well(state, one)) rows = Pieces::room<float>(columns * inner);
    forward = Pieces::room<T>(kernels::packed_size<T>(inner, columns));
    const bool is_there = std::is_same_v<T, float> || !state.setting.with_gradient;
    back = is_there ? 0 : Pieces::room<T>(kernels::packed_size<T>(columns, inner));
  }
  std::int64_t rows = 0, forward = 0, back = 0;
};

template <class T>
Weight pack_rows(const PassState& state, const Operation& one, float* into) {
  const Room<T> room(state, one);
  const at::Tensor& full = state.tensor(one.layer).weight;
  const float* rows = full.data_ptr<float>();
  std::int64_t row = floats_a_row(full);
  Weight weight;
  weight.inner = one.inner();
  weight.columns = one.out.channels;
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
  if (one.kind == Kind::depthwise) return Pieces::room<float>(one.weight_size());
  return with_type_of(state, one, [&](auto type) {
    const Room<decltype(type)> room(state, one);
    return room.rows + room.forward + room.back;
  });
}

// Where the elements of a packed row come from and go to: element k lies `step` * k floats on, and
// belongs to to[k] of the full row, or to k itself when `to` is empty.
struct Places {
  std::vector<std::int64_t> to;
  std::int64_t row = 0;  // floats from one packed row to the next
  std::int64_t step = 1;
};

void add_row(const float* from, std::int64_t count, const Places& places, float* row) {
  if (!places.to.empty()) {
    for (std::int64_t k = 0; k < count; ++k) row[places.to[static_cast<std::size_t>(k)]] += from[k];
  } else if (places.step == 1) {
    kernels::rows<float>().store({1, count}, from, true, row, count);
  } else {
    for (std::int64_t k = 0; k < count; ++k) row[k] += from[k * places.step];
  }
}

void pack_anew(PassState& state) {
  const std::vector<Operation>& operations = state.plan().operations;
  state.weights.assign(operations.size(), {});
  std::vector<std::int64_t> places{0};
  for (const Operation& one : operations) places.push_back(places.back() + room_of(state, one));
  state.weight_room = state.workshop->memory.borrow(places.back());
  state.team().run(static_cast<int>(operations.size()), [&](int index, int) {
    const auto at = static_cast<std::size_t>(index);
    const Operation& one = operations[at];
    float* into = state.weight_room->data() + places[at];
    if (one.kind == Kind::depthwise) {
      gather_taps(state, one, into);
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
    const at::Tensor& weight = state.tensor(one.layer).weight;
    stamps.push_back({weight.storage(), static_cast<std::uint32_t>(weight._version())});
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
  KeptWeights& kept = state.workshop->kept[state.compiled];
  std::vector<KeptWeights::Stamp> stamps = stamps_of(state);
  if (kept.room == nullptr || !same(kept.stamps, stamps)) {
    pack_anew(state);
    kept = {std::move(stamps), state.weight_room, state.weights};
  }
  state.weight_room = kept.room;
  state.weights = kept.weights;
}

void add_weight_gradient(PassState& state, const Operation& one, const float* parts, int lanes) {
  const at::Tensor& full = state.tensor(one.layer).weight;
  const std::vector<std::int64_t> out = channels_of(state.layer(one.layer).out);
  const auto rows = static_cast<std::int64_t>(out.size());
  const std::int64_t row = one.inner();
  Places places;
  if (one.kind == Kind::depthwise) {
    places = {{}, 1, rows};
  } else {
    const bool as_it_lies = one.window.taps() == 1 && is_leading(state.layer(one.layer).in);
    places = {as_it_lies ? std::vector<std::int64_t>() : places_in_row(state, one), row, 1};
  }
  float* into = gradient_of(full);
  constexpr int kChunks = 16;
  state.team().run(kChunks, [&](int chunk, int) {
    const Share share = share_of(chunk, kChunks, rows);
    for (int lane = 0; lane < lanes; ++lane) {
      const float* part = parts + lane * rows * row;
      for (std::int64_t n = share.begin; n < share.end; ++n) {
        add_row(part + n * places.row, row, places,
                into + out[static_cast<std::size_t>(n)] * floats_a_row(full));
      }
    }
  });
}

void add_bias_gradient(const PassState& state, const Operation& one, const at::Tensor& gradient) {
  const at::Tensor& bias = state.tensor(one.layer).bias;
  if (!bias.defined()) return;
  gradient_of(bias);
  bias.mutable_grad().add_(at::sum(gradient, 0));
}

std::vector<float> norm_values(const PassState& state, int norm, const at::Tensor& full) {
  const ResolvedLayer& layer = state.layer(norm);
  const float* from = full.data_ptr<float>();
  std::vector<float> values;
  if (full.numel() == layer.out_channels) {
    values.assign(from, from + layer.out_channels);
  } else {
    for (const std::int64_t c : channels_of(layer.out)) values.push_back(from[c]);
  }
  return values;
}

void add_norm_gradient(const PassState& state, const Operation& one,
                       const std::vector<double>& weight, const std::vector<double>& bias) {
  const LayerTensors& tensors = state.tensor(one.norm);
  std::vector<std::int64_t> places = channels_of(state.layer(one.norm).out);
  if (tensors.weight.numel() == state.layer(one.norm).out_channels) {
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
