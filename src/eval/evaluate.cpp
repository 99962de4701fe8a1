#include "concertina/eval/evaluate.h"

#include <cmath>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

struct Sums {
  std::int64_t images = 0;
  std::int64_t correct = 0;
  double loss = 0;
};

void add(Sums& sums, const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor losses =
      at::nll_loss(at::log_softmax(logits, 1), labels, {}, at::Reduction::Sum);
  sums.loss += losses.item<double>();
  sums.correct += at::sum(at::eq(at::argmax(logits, 1), labels)).item<std::int64_t>();
  sums.images += labels.size(0);
}

}  // namespace

void check_has_images(const EvalLoader& loader) {
  if (loader.batches() == 0) {
    throw DataError("split to evaluate: 0 images; expected at least 1");
  }
}

std::vector<Score> evaluate(FlexibleNet& net, const EvalLoader& loader,
                            const std::vector<Width>& widths, const EvalProgress& progress,
                            const ShownImages& shown) {
  check_has_images(loader);
  const at::NoGradGuard guard;
  const int exits = net.spec().exit_count();
  const std::int64_t all = loader.batches() * static_cast<std::int64_t>(widths.size());
  std::int64_t done = 0;
  std::vector<Score> scores;
  for (const Width width : widths) {
    std::vector<Sums> sums(static_cast<std::size_t>(exits));
    for (std::int64_t position = 0; position < loader.batches(); ++position) {
      const Batch batch = loader.get(position);
      const at::Tensor images = shown ? shown(batch, position) : batch.images;
      const auto logits = net.forward(images, {width, exits}, Pass::evaluate);
      for (std::size_t exit = 0; exit < sums.size(); ++exit) {
        add(sums[exit], logits[exit], batch.labels);
      }
      if (progress && !progress(++done, all)) return scores;
    }
    for (int exit = 1; exit <= exits; ++exit) {
      const Sums& one = sums[static_cast<std::size_t>(exit - 1)];
      if (!std::isfinite(one.loss)) {
        throw DivergedError("diverged: the loss of " + subnet_id(net.spec(), {width, exit}) +
                            " on the images evaluated is not finite");
      }
      const double images = static_cast<double>(one.images);
      scores.push_back({{width, exit},
                        one.images,
                        static_cast<double>(one.correct) / images,
                        one.loss / images});
    }
  }
  return scores;
}

}  // namespace concertina
