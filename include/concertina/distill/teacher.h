// A frozen net that teaches from outside the trained one: what an external node of a plan answers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/nn/flexible_net.h"
#include "concertina/spec/taps.h"

namespace concertina {

class Teacher {
 public:
  struct Output {
    at::Tensor logits;                       // [B, C] float32
    std::map<std::string, at::Tensor> taps;  // by the word that was asked for; maps [B, C, H, W]
  };

  virtual ~Teacher() = default;
  // images: [B, C, H, W] float32, normalized as the trained net gets them. Nothing has a gradient.
  virtual Output answer(const at::Tensor& images, const std::vector<std::string>& taps) = 0;
  // Throws UsageError for a tap that it does not have.
  virtual TapShape shape_of(const std::string& tap) const = 0;
  virtual int classes() const = 0;
  // What it looks at, "3x32x32"; "" = it does not say.
  virtual std::string images() const { return ""; }
};

// "3x32x32": channels, height, width.
std::string images_text(const NetSpec& net);

// By the names of a plan's external nodes.
using Teachers = std::map<std::string, std::shared_ptr<Teacher>>;

// How pixels (0 to 1) become a net's input: (pixel - mean) / deviation, one number a channel.
struct Normalization {
  std::vector<float> mean, deviation;
};
// Images normalized one way as another way gives them. Empty lists change nothing.
at::Tensor renormalized(const at::Tensor& images, const Normalization& from,
                        const Normalization& to);

// One sub-model of a net, by its running statistics. `own`: how its images were normalized in its
// own training, `given`: how the trained net's are.
std::shared_ptr<Teacher> net_teacher(FlexibleNet net, const Subnet& subnet, Normalization own,
                                     Normalization given);

}  // namespace concertina
