#include "concertina/eval/exit_scores.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/spec/cost.h"

namespace concertina {
namespace {

void add(const at::Tensor& logits, const at::Tensor& labels, std::size_t exit, ExitScores& scores) {
  const auto [confidence, named] = at::max(at::softmax(logits, 1), 1);
  const at::Tensor sure = confidence.to(at::kCPU).contiguous();
  const at::Tensor right = at::eq(named, labels).to(at::kCPU, at::kByte).contiguous();
  const auto count = static_cast<std::size_t>(labels.size(0));
  const float* confidences = sure.data_ptr<float>();
  const std::uint8_t* rights = right.data_ptr<std::uint8_t>();
  scores.confidence[exit].insert(scores.confidence[exit].end(), confidences, confidences + count);
  scores.correct[exit].insert(scores.correct[exit].end(), rights, rights + count);
}

}  // namespace

ExitScores exit_scores(FlexibleNet& net, const EvalLoader& loader, Width width,
                       const EvalProgress& progress) {
  check_has_images(loader);
  const at::NoGradGuard guard;
  const int exits = net.spec().exit_count();
  ExitScores scores;
  scores.confidence.resize(static_cast<std::size_t>(exits));
  scores.correct.resize(static_cast<std::size_t>(exits));
  for (std::int64_t position = 0; position < loader.batches(); ++position) {
    const Batch batch = loader.get(position);
    const auto logits = net.forward(batch.images, {width, exits}, Pass::evaluate);
    for (std::size_t exit = 0; exit < logits.size(); ++exit) {
      add(logits[exit], batch.labels, exit, scores);
    }
    if (progress && !progress(position + 1, loader.batches())) break;
  }
  return scores;
}

std::vector<std::int64_t> exit_macs(const NetSpec& net, Width width) {
  std::vector<std::int64_t> macs;
  for (int exit = 1; exit <= net.exit_count(); ++exit) {
    macs.push_back(subnet_cost(net, {width, exit}).anytime.macs);
  }
  return macs;
}

}  // namespace concertina
