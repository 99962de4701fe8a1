#include "concertina/distill/combine.h"

#include <cmath>
#include <string>

#include <ATen/Functions.h>

#include "concertina/core/error.h"

namespace concertina {

at::Tensor mean_logits(const std::vector<at::Tensor>& members) {
  return at::mean(at::stack(members), 0);
}

at::Tensor mean_probabilities(const std::vector<at::Tensor>& members, double temperature) {
  const at::Tensor log_probability = at::log_softmax(at::div(at::stack(members), temperature), 2);
  const double count = std::log(static_cast<double>(members.size()));
  return at::mul(at::sub(at::logsumexp(log_probability, 0), count), temperature);
}

at::Tensor gated_logits(const std::vector<at::Tensor>& members, const at::Tensor& gate) {
  return at::sum(at::mul(at::stack(members, 1), at::unsqueeze(gate, 2)), 1);
}

at::Tensor attention_logits(const at::Tensor& queries, const std::vector<at::Tensor>& keys,
                            const std::vector<at::Tensor>& members) {
  if (keys.size() != members.size()) {
    throw ProgrammingError("attention: " + std::to_string(keys.size()) + " keys; expected " +
                           std::to_string(members.size()) + ", one for each member");
  }
  const at::Tensor scores = at::sum(at::mul(at::stack(keys, 1), at::unsqueeze(queries, 1)), 2);
  return gated_logits(members, at::softmax(scores, 1));
}

}  // namespace concertina
