// One pass of a plan over a batch: what it keeps, forward, and the way back. Knows tensors only as
// memory. A batch is split into lanes, shares of its images that depend on shapes alone: sums over
// the batch are taken lane by lane and joined in order, so that the bytes do not depend on how many
// threads there are.
#pragma once

#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/kernels/team.h"
#include "concertina/nn/flexible_net.h"
#include "concertina/spec/resolve.h"

#include "fused_memory.h"
#include "fused_plan.h"

namespace concertina::fused {

// What the passes of one net share. One pass runs at a time.
struct Workshop {
  Memory memory;
  std::unique_ptr<kernels::Team> team;
  std::vector<Block> scratch;  // of each thread
};

// A plan and the sub-model it was made from.
struct Compiled {
  ResolvedNet resolved;
  Plan plan;
};

// The tensors of one live layer: of a convolution or linear layer in full; of a norm those of the
// width, or weight and bias in full where the net shares them. Undefined where there is none.
struct LayerTensors {
  at::Tensor weight, bias;
  at::Tensor running_mean, running_var;
};

struct PassSetting {
  Pass pass = Pass::train;
  double momentum = 0.1;       // share of this batch in the running statistics
  bool with_gradient = false;  // backward() will follow
};

// Of each channel of a buffer: what its readers apply, and how its gradient goes on.
struct Coefficients {
  std::vector<float> scale, shift;
  std::vector<float> mean, inverse;  // of the batch; 1 / standard deviation
  std::vector<float> direct, linear, constant;
};

// A weight as the kernels read it: of a convolution or linear layer [out, taps * in], of a
// depthwise convolution [taps, channels].
struct Weight {
  const float* data = nullptr;
  std::int64_t row = 0;  // floats from one row to the next
  std::vector<float> packed;
};

struct PassState {
  std::shared_ptr<Workshop> workshop;
  std::shared_ptr<const Compiled> compiled;
  std::vector<LayerTensors> tensors;  // of each live layer
  PassSetting setting;
  std::int64_t images = 0;
  std::shared_ptr<Block> block;
  Arena arena;
  std::vector<Coefficients> coefficients;  // of each buffer
  std::vector<Weight> weights;             // of each operation
  std::vector<at::Tensor> features;        // of each exit: the pooled values [N, channels]

  const Plan& plan() const { return compiled->plan; }
  const ResolvedLayer& layer(int k) const;
  const LayerTensors& tensor(int k) const { return tensors[static_cast<std::size_t>(k)]; }
  Coefficients& coefficients_of(View view);
  std::int64_t stride(View view) const;  // floats from one pixel to the next
  float low(View view) const;
  float high(View view) const;
  float* z(View view) const;  // of the first pixel
  float* g(View view) const;
  kernels::Affine affine(View view) const;
  kernels::Team& team() const { return *workshop->team; }
  // At least so many floats for that thread alone, until it asks again.
  float* scratch(int thread, std::int64_t floats) const;
};

// images: [N, C, H, W] float32 on the CPU. Gives the logits [N, classes] of every exit.
std::vector<at::Tensor> forward(PassState& state, const at::Tensor& images);

// Adds the weights' gradients to their .grad(). gradients: one an exit, undefined for none. Gives
// the gradient in the images where it is asked for. Once, after a forward with_gradient.
at::Tensor backward(PassState& state, const std::vector<at::Tensor>& gradients, bool of_images);

// Shared by the two ways.

// How many lanes an operation's batch is split into, and which images a lane has.
int lane_count(const Operation& operation, std::int64_t images);
struct Share {
  std::int64_t begin, end;
};
Share share_of(int lane, int lanes, std::int64_t images);
// Rows of a tile whose operands stay in the second-level cache.
std::int64_t tile_rows(const Operation& operation);

// Fills state.weights; before forward.
void pack_weights(PassState& state);
// Adds gradients laid out as the packed weight, one part a lane, to the full tensor's .grad().
void add_weight_gradient(PassState& state, const Operation& operation, const float* parts,
                         int lanes);
// Adds one number a channel of a norm.
void add_norm_gradient(const PassState& state, const Operation& operation,
                       const std::vector<double>& weight, const std::vector<double>& bias);
// The parameters of a norm's channels as the sub-model sees them.
std::vector<float> norm_values(const PassState& state, int norm, const at::Tensor& full);

}  // namespace concertina::fused
