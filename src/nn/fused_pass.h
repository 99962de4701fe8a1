// One pass of a plan over a batch: what it keeps, forward, and the backward pass. Knows tensors
// only as memory. A batch is split into lanes, shares of its images that depend on shapes alone:
// sums over the batch are taken lane by lane and joined in order, so that the bytes do not depend
// on how many threads there are.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/kernels/matmul.h"
#include "concertina/kernels/rows.h"
#include "concertina/kernels/thread_pool.h"
#include "concertina/nn/flexible_net.h"
#include "concertina/spec/resolve.h"

#include "fused_memory.h"
#include "fused_plan.h"

namespace concertina::fused {

// A plan and the sub-model it was made from.
struct Compiled {
  ResolvedNet resolved;
  Plan plan;
};

// A weight as the kernels read it. Of a convolution or linear layer: [inner, columns] and its
// transpose, for products of T; of a depthwise convolution: [taps, channels].
struct Weight {
  std::int64_t inner = 0, columns = 0;
  const void* forward_data = nullptr;  // packed
  const void* back_data = nullptr;     // of a pass with_gradient
  std::int64_t back_row = 0;           // kernels::RightHand::row
  const float* taps = nullptr;

  template <class T>
  kernels::RightHand<T> forward() const {
    return {inner, columns, static_cast<const T*>(forward_data), 0};
  }
  template <class T>
  kernels::RightHand<T> back() const {
    return {columns, inner, static_cast<const T*>(back_data), back_row};
  }
};

// The weights of a pass without a gradient: good for the next one of the sub-model as long as the
// tensors are what they were.
struct KeptWeights {
  // What a tensor was. Its memory is held, so that no other tensor can come to lie there.
  struct Stamp {
    c10::Storage storage;
    std::uint32_t version = 0;  // counts changes in place
  };
  std::vector<Stamp> stamps;  // of each operation's weights
  std::shared_ptr<Block> room;
  std::vector<Weight> weights;
};

// What the passes of one net share. One pass runs at a time.
struct Workspace {
  Memory memory;
  std::unique_ptr<kernels::ThreadPool> pool;
  std::vector<Block> scratch;  // of each thread
  std::map<std::shared_ptr<const Compiled>, KeptWeights> kept;
  Profile* profile = nullptr;  // where the time is added, if anywhere
};

// The tensors of one live layer: of a convolution or linear layer in full; of a norm those of the
// width, or weight and bias in full where the net shares them. Undefined where there is none.
struct LayerTensors {
  at::Tensor weight, bias;
  at::Tensor running_mean, running_var;
};

struct PassSetting {
  Pass pass = Pass::train;
  double momentum = 0.1;  // share of this batch in the running statistics
  Precision precision = Precision::fp32;
  bool with_gradient = false;  // backward() will follow
};

// Of each channel of a buffer: what its readers apply, and how its gradient goes on.
struct Coefficients {
  std::vector<float> scale, shift;
  std::vector<float> mean, inverse;  // of the batch; 1 / standard deviation
  std::vector<float> direct, linear, constant;
};

struct PassState {
  std::shared_ptr<Workspace> workspace;
  std::shared_ptr<const Compiled> compiled;
  std::vector<LayerTensors> tensors;  // of each live layer
  PassSetting setting;
  std::int64_t images = 0;
  Arena arena;
  std::shared_ptr<Block> maps;             // the arena's
  std::shared_ptr<Block> weight_block;     // what `weights` point into
  std::vector<Coefficients> coefficients;  // of each buffer
  std::vector<Weight> weights;             // of each operation
  bool prepared = false;                   // both stand, and nothing changes them any more
  std::vector<at::Tensor> features;        // of each exit: the pooled values [N, channels]

  const Plan& plan() const { return compiled->plan; }
  const ResolvedLayer& layer(int k) const;
  const LayerTensors& tensor(int k) const { return tensors[static_cast<std::size_t>(k)]; }
  const at::Tensor& weight_of(const Operation& one, std::size_t part) const {
    return tensor(one.parts[part].layer).weight;
  }
  Coefficients& coefficients_of(ChannelSlice view);
  std::int64_t stride(ChannelSlice view) const;  // elements from one pixel to the next
  kernels::Affine affine(ChannelSlice view) const;
  // Of the first pixel. T: float, or BFloat16 in a pass of that precision.
  template <class T>
  T* z(ChannelSlice view) const {
    return place<T>(static_cast<std::size_t>(view.buffer), view.channel);
  }
  template <class T>
  T* g(ChannelSlice view) const {
    return place<T>(plan().buffers.size() + static_cast<std::size_t>(view.buffer), view.channel);
  }
  kernels::ThreadPool& pool() const { return *workspace->pool; }
  // At least so many floats for that thread alone, until it asks again.
  float* scratch(int thread, std::int64_t floats) const;

 private:
  template <class T>
  T* place(std::size_t life, int channel) const {
    return reinterpret_cast<T*>(maps->data()) + arena.offsets[life] + channel;
  }
};

// BumpAllocator of a block of memory, one behind the other, each at a multiple of 64 bytes.
class BumpAllocator {
 public:
  explicit BumpAllocator(float* memory) : memory_(memory) {}
  template <class T>
  T* take(std::int64_t count) {
    T* piece = reinterpret_cast<T*>(memory_);
    memory_ += room<T>(count);
    return piece;
  }
  // Floats that `count` elements take.
  template <class T>
  static std::int64_t room(std::int64_t count) {
    constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
    return (count * kSize + 63) / 64 * 16;
  }

 private:
  float* memory_;
};

// images: [N, C, H, W] float32 on the CPU. Gives the plan's results: the logits [N, classes] of
// every exit, and each tapped map [N, C, H, W]; undefined what lies behind the exit that `done`
// stopped at.
std::vector<at::Tensor> forward(PassState& state, const at::Tensor& images, const Done& done = {});

// Of a pass that evaluates: makes its weights and coefficients once for all that follow with this
// state or with copies of it, which may then run at the same time, each in a workspace of its own.
void prepare(PassState& state);

// Adds the weights' gradients to their .grad(). gradients: one a result, undefined for none. Gives
// the gradient in the images where it is asked for. Once, after a forward with_gradient.
at::Tensor backward(PassState& state, const std::vector<at::Tensor>& gradients, bool of_images);

// Shared by the two ways.

// Calls body with a float or BFloat16, whose type is that of the pass's maps.
template <class Body>
auto with_type(const PassState& state, const Body& body) {
  return state.setting.precision == Precision::fp32 ? body(float()) : body(kernels::BFloat16());
}

// Measures an operation from here to its end, for the profile if there is one.
enum class Way { forward, backward };
class Timed {
 public:
  Timed(const PassState& state, const Operation& operation, Way way);
  ~Timed();
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  const PassState& state_;
  const Operation& operation_;
  Way way_;
  std::chrono::steady_clock::time_point start_;
};

// How many lanes an operation's batch is split into, and which images a lane has.
int lane_count(const Operation& operation, std::int64_t images);
struct Share {
  std::int64_t begin, end;
};
Share share_of(int lane, int lanes, std::int64_t images);
// Rows of a tile whose operands stay in the second-level cache; if asked for, those of whole
// images, however many an image has.
std::int64_t tile_rows(const Operation& operation, bool whole_images);

// Fills state.weights; before forward.
void pack_weights(PassState& state);
// Adds gradients, one a lane, to the full tensors' .grad(): of a convolution or linear layer
// [columns, inner], of a depthwise one [taps, channels].
void add_weight_gradient(PassState& state, const Operation& operation, const float* of_lanes,
                         int lanes);
// Adds the sum over images of the gradient [N, classes] in a head's logits.
void add_bias_gradient(const PassState& state, const Operation& operation,
                       const at::Tensor& gradient);
// Adds one number a channel of a norm.
void add_norm_gradient(const PassState& state, const Part& part, const double* weight,
                       const double* bias);
// The parameters of a norm's or a convolution's channels as the sub-model sees them.
std::vector<float> channel_values(const PassState& state, int layer, const at::Tensor& full);

}  // namespace concertina::fused
