// The norms of a pass: statistics of what a convolution writes and what its readers make of them;
// the sums that a norm's gradient needs, and how it goes on.
#pragma once

#include <cstdint>
#include <vector>

#include "concertina/kernels/rows.h"

#include "fused_pass.h"

namespace concertina::fused {

// One set of moments a lane, and all of them joined in order.
class LaneMoments {
 public:
  LaneMoments(int lanes, std::int64_t channels);

  template <class T>
  void add(int lane, std::int64_t rows, const T* z, std::int64_t stride) {
    kernels::Moments moments = of(lane);
    kernels::rows<T>().add_moments({rows, channels_}, z, stride, moments);
    counts_[static_cast<std::size_t>(lane)] = moments.count;
  }
  kernels::Moments join();

 private:
  kernels::Moments of(int lane);

  std::int64_t channels_;
  std::vector<double> memory_;
  std::vector<std::int64_t> counts_;
};

// Every buffer's value is its z, until a norm says more.
void start_coefficients(PassState& state);
// Those of an operation whose norms use running statistics, or that has a bias instead.
void use_constants(PassState& state, const Operation& operation);
// Updates the running ones too.
void use_batch_statistics(PassState& state, const Operation& operation,
                          const kernels::Moments& moments);

// The sums that the norms behind an operation's input need, one set a lane.
class LaneSums {
 public:
  LaneSums(PassState& state, const Operation& operation, int lanes);

  // The gradient of pixels begin..begin+count-1 of the batch is complete.
  template <class T>
  void add(int lane, std::int64_t begin, std::int64_t count) {
    for (Sum& sum : sums_) {
      const ChannelSlice view = sum.of->out;
      const std::int64_t stride = state_.stride(view);
      const std::int64_t place = begin * stride;
      const std::vector<float>& mean = state_.coefficients_of(view).mean;
      kernels::rows<T>().add_gradient_sums(
          {count, view.channels}, state_.z<T>(view) + place, stride, state_.g<T>(view) + place,
          stride, state_.affine(view), mean.data() + view.channel, part(sum, lane));
    }
  }

  // Sets the coefficients of the gradients in z, and adds the gradients of the norms' parameters.
  void finish();

 private:
  struct Sum {
    const Operation* of;
    std::vector<double> memory;
  };

  static kernels::GradientSums part(Sum& sum, int lane);
  void finish(Sum& sum);

  PassState& state_;
  int lanes_;
  std::vector<Sum> sums_;
};

}  // namespace concertina::fused
