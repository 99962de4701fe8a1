// Between full tensors and what a sub-model's kernels read and write.
#include <algorithm>
#include <numeric>

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

void pack_depthwise(const PassState& state, const Operation& one, Weight& weight) {
  const at::Tensor& full = state.tensor(one.layer).weight;
  const float* from = full.data_ptr<float>();
  const std::int64_t taps = one.window.taps();
  weight.row = one.window.channels;
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (const std::int64_t c : channels_of(state.layer(one.layer).out)) {
      weight.packed.push_back(from[c * taps + tap]);
    }
  }
  weight.data = weight.packed.data();
}

void pack_rows(const PassState& state, const Operation& one, Weight& weight) {
  const at::Tensor& full = state.tensor(one.layer).weight;
  const float* from = full.data_ptr<float>();
  const ResolvedLayer& layer = state.layer(one.layer);
  const std::int64_t full_row = floats_a_row(full);
  // In place, but for an evaluation: there a slice gives the bytes that its copy gives.
  const bool whole_rows = full_row == one.window.channels;
  const bool in_place = whole_rows || state.setting.pass != Pass::evaluate;
  if (one.window.taps() == 1 && in_place && is_leading(layer.in) && is_leading(layer.out)) {
    weight.data = from;
    weight.row = full_row;
    return;
  }
  const std::vector<std::int64_t> places = places_in_row(state, one);
  weight.row = static_cast<std::int64_t>(places.size());
  for (const std::int64_t out : channels_of(layer.out)) {
    for (const std::int64_t place : places) weight.packed.push_back(from[out * full_row + place]);
  }
  weight.data = weight.packed.data();
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
    for (std::int64_t k = 0; k < count; ++k) row[k] += from[k];
  } else {
    for (std::int64_t k = 0; k < count; ++k) row[k] += from[k * places.step];
  }
}

}  // namespace

void pack_weights(PassState& state) {
  const std::vector<Operation>& operations = state.plan().operations;
  state.weights.assign(operations.size(), {});
  state.team().run(static_cast<int>(operations.size()), [&](int index, int) {
    const Operation& one = operations[static_cast<std::size_t>(index)];
    Weight& weight = state.weights[static_cast<std::size_t>(index)];
    if (one.kind == Kind::depthwise) {
      pack_depthwise(state, one, weight);
    } else {
      pack_rows(state, one, weight);
    }
  });
}

void add_weight_gradient(PassState& state, const Operation& one, const float* parts, int lanes) {
  const at::Tensor& full = state.tensor(one.layer).weight;
  const std::vector<std::int64_t> out = channels_of(state.layer(one.layer).out);
  const auto rows = static_cast<std::int64_t>(out.size());
  const std::int64_t row =
      one.window.taps() * (one.kind == Kind::depthwise ? 1 : one.window.channels);
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
