// One sub-model as an ordinary small network with its weights, and what a user of it has to know:
// what every exported file holds. Nothing in it is elastic any more. Not for: running it fast
// (deploy/flexible_model.h).
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "concertina/nn/flexible_net.h"
#include "concertina/spec/measurement.h"
#include "concertina/store/run_file.h"

namespace concertina::deploy {

// Text with a name, as formats of others keep it.
using Facts = std::vector<std::pair<std::string, std::string>>;

// What the network was made for, and from.
struct Card {
  std::string submodel;                // "w0.500"
  std::vector<std::string> classes;    // names of the logits
  std::vector<float> mean, deviation;  // one a channel: input = (pixel / 255 - mean) / deviation
  Facts origin;                        // "run_sha256" and so on
  // Of the sub-model; NaN where it was not measured. `setting`: on which images.
  double accuracy = std::numeric_limits<double>::quiet_NaN();  // fraction
  double loss = std::numeric_limits<double>::quiet_NaN();      // nats
  SweepSetting setting;
};

struct PlainNet {
  NetSpec spec;     // one width, one exit
  Tensors tensors;  // float32: "stem.conv/weight", "stem.conv/bias", "stem.norm/running_mean"
  Card card;
};

// A net of one width and one exit (FlexibleNet::extract with Exits::only). Tensors are copies.
PlainNet plain_net(const FlexibleNet& small, Card card);

// Puts every norm that follows a convolution into it: weight * g, bias + shift with
// g = weight / sqrt(variance + 1e-5), in double. Other norms stay, as those behind weights of fewer
// bits.
PlainNet fold(const PlainNet& net);

// The network to run, on the CPU. Throws DataError when tensors are missing, too many or of another
// shape than the spec says.
FlexibleNet net_of(const PlainNet& net);

// The card as text: net, submodel, classes (a JSON list), mean, deviation (numbers with spaces),
// input ("N,3,32,32 float32 ..."), accuracy and the images it is of, and its origin.
Facts facts(const PlainNet& net);

}  // namespace concertina::deploy
