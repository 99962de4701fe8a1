#include "concertina/distill/teacher.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

class NetTeacher : public Teacher {
 public:
  NetTeacher(FlexibleNet net, const Subnet& subnet, Normalization own, Normalization given)
      : net_(std::move(net)), subnet_(subnet), own_(std::move(own)), given_(std::move(given)) {}

  Output answer(const at::Tensor& images, const std::vector<std::string>& taps) override {
    const at::NoGradGuard guard;
    std::vector<std::string> layers;
    for (const std::string& tap : taps) layers.push_back(find_tap(net_.spec(), subnet_, tap));
    const at::Tensor seen = renormalized(images, given_, own_).to(net_.device());
    const std::vector<at::Tensor> found =
        net_.forward(seen, subnet_, Pass::evaluate, Exits::only, layers);
    Output answer{found.front().to(images.device()), {}};
    for (std::size_t k = 0; k < taps.size(); ++k) {
      answer.taps[taps[k]] = found[k + 1].to(images.device());
    }
    return answer;
  }

  TapShape shape_of(const std::string& tap) const override {
    return tap_shape(net_.spec(), subnet_, find_tap(net_.spec(), subnet_, tap));
  }

  int classes() const override { return net_.spec().classes; }
  std::string images() const override { return images_text(net_.spec()); }

 private:
  FlexibleNet net_;
  Subnet subnet_;
  Normalization own_, given_;
};

at::Tensor per_channel(const std::vector<double>& values, const at::Tensor& like) {
  return at::tensor(values, like.options())
      .reshape({1, static_cast<std::int64_t>(values.size()), 1, 1});
}

}  // namespace

std::string images_text(const NetSpec& net) {
  return std::to_string(net.in_channels) + "x" + std::to_string(net.in_height) + "x" +
         std::to_string(net.in_width);
}

at::Tensor renormalized(const at::Tensor& images, const Normalization& from,
                        const Normalization& to) {
  if (from.mean.empty() || to.mean.empty() ||
      (from.mean == to.mean && from.deviation == to.deviation)) {
    return images;
  }
  std::vector<double> scale, shift;
  for (std::size_t k = 0; k < from.mean.size(); ++k) {
    scale.push_back(static_cast<double>(from.deviation[k]) / to.deviation[k]);
    shift.push_back((static_cast<double>(from.mean[k]) - to.mean[k]) / to.deviation[k]);
  }
  return at::add(at::mul(images, per_channel(scale, images)), per_channel(shift, images));
}

std::shared_ptr<Teacher> net_teacher(FlexibleNet net, const Subnet& subnet, Normalization own,
                                     Normalization given) {
  if (!own.mean.empty() && !given.mean.empty() && own.mean.size() != given.mean.size()) {
    throw UsageError("a teacher of images of " + std::to_string(own.mean.size()) +
                     " channels; expected one of " + std::to_string(given.mean.size()));
  }
  return std::make_shared<NetTeacher>(std::move(net), subnet, std::move(own), std::move(given));
}

}  // namespace concertina
