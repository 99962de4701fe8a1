// What an optimizer does to the elements of one tensor, in one pass over memory each. Vectorized
// with Highway; the *_plain twins are what the tests compare with.
#pragma once

#include <cstdint>

namespace concertina::kernels {

// As torch.optim.SGD: g = gradient + decay * value; buffer = momentum * buffer + g;
// value -= rate * buffer, or with Nesterov value -= rate * (g + momentum * buffer).
struct SgdRule {
  float rate, momentum, decay;
  bool nesterov;
};
void sgd_step(std::int64_t count, const SgdRule& rule, const float* gradient, float* buffer,
              float* value);

// Of float32 squares, added up in double. Not finite when an element is not.
double sum_of_squares(std::int64_t count, const float* values);

void sgd_step_plain(std::int64_t count, const SgdRule& rule, const float* gradient, float* buffer,
                    float* value);
double sum_of_squares_plain(std::int64_t count, const float* values);

}  // namespace concertina::kernels
