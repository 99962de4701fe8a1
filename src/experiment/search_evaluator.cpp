#include "search_evaluator.h"

#include <limits>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/core/random.h"
#include "concertina/eval/evaluate.h"

namespace concertina::experiment {

namespace fs = std::filesystem;

Split some_of(const Split& split, std::int64_t count, std::uint64_t seed) {
  if (count >= split.size()) return split;
  std::vector<std::int64_t> order =
      permutation(split.size(), CounterRandom(seed, Stream::search, 0, 1));
  order.resize(static_cast<std::size_t>(count));
  const at::Tensor indexes = at::tensor(order, at::kLong);
  return {split.images.index_select(0, indexes), split.labels.index_select(0, indexes)};
}

SearchEvaluator::SearchEvaluator(FlexibleNet net, const PreparedData& data, const Split& guide,
                                 EvaluationSetting setting, std::string search, fs::path file,
                                 const Watch& watch)
    : net_(std::move(net)),
      data_(data),
      guide_(guide, data.statistics, kEvaluationBatch, net_.device()),
      file_(std::move(file)),
      record_{std::move(setting), std::move(search), {}},
      watch_(watch) {
  take_over_earlier();
}

void SearchEvaluator::take_over_earlier() {
  std::error_code ignored;
  if (!fs::exists(file_, ignored)) return;
  try {
    SearchRecord old = read_search(file_);
    if (!(old.setting == record_.setting)) {
      log_info(file_.string() +
               " is of another run.h5, or of other images; it is replaced, and every sub-model "
               "evaluated anew");
      return;
    }
    log_info(file_.string() + " holds " + std::to_string(old.rows.size()) +
             " sub-models that need not be evaluated again");
    record_.rows = std::move(old.rows);
    for (const Measurement& row : record_.rows) known_[row.subnet] = {row.accuracy, row.loss};
  } catch (const DataError& error) {
    log_warn(std::string(error.what()) + "; every sub-model is evaluated anew");
  }
}

CalibrationSetting SearchEvaluator::calibration() const {
  return {record_.setting.calibration_images, record_.setting.calibration_batch,
          record_.setting.seed};
}

std::optional<Quality> SearchEvaluator::evaluate(const Subnet& subnet) {
  const auto known = known_.find(subnet);
  if (known != known_.end()) return known->second;
  const std::optional<Quality> quality = evaluate_now(subnet);
  net_.forget(subnet.width);
  if (!quality) return std::nullopt;
  known_[subnet] = *quality;
  Measurement row = unmeasured(net_.spec(), subnet);
  row.accuracy = quality->accuracy;
  row.loss = quality->loss;
  record_.rows.push_back(std::move(row));
  write_search(file_, record_);
  return quality;
}

std::optional<Quality> SearchEvaluator::evaluate_now(const Subnet& subnet) {
  if (watch_.is_stopped()) return std::nullopt;
  now_.detail = subnet_id(net_.spec(), subnet);
  watch_.show(now_);
  calibrate(net_, subnet.width, data_.train, data_.statistics, calibration());
  const auto scores =
      concertina::evaluate(net_, guide_, {subnet.width}, [&](std::int64_t, std::int64_t) {
        watch_.show(now_);
        return !watch_.is_stopped();
      });
  if (scores.empty()) return std::nullopt;
  const Score& score = scores[static_cast<std::size_t>(subnet.exit - 1)];
  return Quality{score.accuracy, score.loss};
}

void SearchEvaluator::show(const std::string& task, double fraction) {
  now_.task = task;
  now_.fraction = fraction;
  watch_.show(now_);
}

}  // namespace concertina::experiment
