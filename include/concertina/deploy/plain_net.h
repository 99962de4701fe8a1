// One sub-model as an ordinary small network with its weights, and what a user of it has to know:
// what every exported file holds. Nothing in it is elastic any more. Not for: running it fast
// (deploy/flexible_model.h).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "concertina/nn/flexible_net.h"
#include "concertina/store/run_file.h"

namespace concertina::deploy {

// Text with a name, as formats of others keep it.
using Facts = std::vector<std::pair<std::string, std::string>>;

// What the network was made for, and from.
struct Card {
  std::string submodel;                // "w0.500"
  std::vector<std::string> classes;    // names of the logits
  std::vector<float> mean, deviation;  // one a channel: input = (pixel / 255 - mean) / deviation
  Facts origin;                        // "run_sha256", "accuracy" and so on
};

struct PlainNet {
  NetSpec spec;     // one width, one exit
  Tensors tensors;  // float32: "stem.conv/weight", "stem.conv/bias", "stem.norm/running_mean"
  Card card;
};

// A net of one width and one exit (FlexibleNet::extract with Exits::only). Tensors are copies.
PlainNet plain_net(const FlexibleNet& small, Card card);

// Puts every norm that follows a convolution into it: weight * g, bias + shift with
// g = weight / sqrt(variance + 1e-5), in double. Other norms stay.
PlainNet fold(const PlainNet& net);

// The network to run, on the CPU. Throws DataError when tensors are missing, too many or of another
// shape than the spec says.
FlexibleNet net_of(const PlainNet& net);

// The card as text: net, submodel, classes (a JSON list), mean, deviation (numbers with spaces),
// input ("N,3,32,32 float32 ..."), and its origin.
Facts facts(const PlainNet& net);

// The names that PyTorch implementations of the architecture use: Layer::module where it is set,
// the layer's own path otherwise, a dot, and "weight", "bias", "running_mean", "running_var".
// `tensor` is a name of PlainNet::tensors.
std::string state_dict_name(const NetSpec& spec, const std::string& tensor);

}  // namespace concertina::deploy
