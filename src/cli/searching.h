// What a search finds its sub-models to be worth, kept in search.h5. Not for: which ones it tries
// (select/search.h).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "concertina/eval/calibrate.h"
#include "concertina/feed/loader.h"
#include "concertina/select/search.h"
#include "concertina/store/search_file.h"
#include "concertina/train/run_state.h"

#include "progress.h"

namespace concertina::cli {

// `count` images of a split, drawn with the seed; all of them when it has no more.
Split some_of(const Split& split, std::int64_t count, std::uint64_t seed);

// Evaluates each sub-model once, whatever was interrupted in between.
class Judge {
 public:
  // Takes over what `file` holds, if its evaluations were made like these.
  Judge(FlexibleNet net, const PreparedData& data, const Split& guide, EvaluationSetting setting,
        std::string search, std::filesystem::path file, bool quiet);

  // The bank of its width is calibrated for it, and forgotten. Nothing when a signal came.
  std::optional<Quality> evaluate(const Subnet& subnet);
  void show(const std::string& task, double share);
  // Takes the bar off the terminal.
  void clear() { line_.clear(); }

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
  ProgressLine line_;
  Rate rate_;
  ProgressState view_;
};

}  // namespace concertina::cli
