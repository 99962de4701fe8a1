// Evaluates the sub-models that a search tries, and keeps the results in search.h5. Which ones are
// tried is decided in select/search.h.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "concertina/eval/calibrate.h"
#include "concertina/experiment/watch.h"
#include "concertina/feed/loader.h"
#include "concertina/select/search.h"
#include "concertina/store/search_file.h"
#include "concertina/train/run_state.h"

namespace concertina::experiment {

// `count` images of a split, drawn with the seed; all of them when it has no more.
Split some_of(const Split& split, std::int64_t count, std::uint64_t seed);

// Evaluates each sub-model once, whatever was interrupted in between.
class SearchEvaluator {
 public:
  // Takes over what `file` holds, if its evaluations were made like these.
  SearchEvaluator(FlexibleNet net, const PreparedData& data, const Split& guide,
                  EvaluationSetting setting, std::string search, std::filesystem::path file,
                  const Watch& watch);

  // The bank of its width is calibrated for it, and forgotten. Nothing when the watch stopped it.
  std::optional<Quality> evaluate(const Subnet& subnet);
  void show(const std::string& task, double fraction);

 private:
  void take_over_earlier();
  CalibrationSetting calibration() const;
  std::optional<Quality> evaluate_now(const Subnet& subnet);

  FlexibleNet net_;
  const PreparedData& data_;
  EvalLoader guide_;
  std::filesystem::path file_;
  SearchRecord record_;
  std::map<Subnet, Quality> known_;
  const Watch& watch_;
  WorkProgress now_;
};

}  // namespace concertina::experiment
