// Searching a run for the sub-model that fits a budget: which widths, with a fraction per stage,
// are the most accurate. Every evaluation is kept in RUN/search.h5 and made once; the Pareto front
// is measured into RUN/sweep.h5.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "concertina/experiment/run_folder.h"
#include "concertina/experiment/sweep.h"
#include "concertina/experiment/watch.h"
#include "concertina/select/search.h"
#include "concertina/select/select.h"
#include "concertina/store/search_file.h"

namespace concertina::experiment {

enum class SearchMethod {
  greedy,     // slims the widest step by step
  evolution,  // breeds from uniform and random widths
  both        // breeds from what slimming found
};
const char* search_method_name(SearchMethod method);

struct SearchRequest {
  Budget budget;  // of costs; not empty
  SearchMethod method = SearchMethod::both;
  EvolutionSetting evolution;
  Width step = Width::parse("0.05");               // between the fractions tried
  std::optional<int> exit;                         // whose accuracy; without it, the last exit's
  std::string split = "validation";                // or "train": the images that guide the search
  std::optional<std::int64_t> images;              // how many of them; without it, all
  std::optional<std::int64_t> calibration_images;  // without it, as the recipe says
  LatencyRequest latency;
  at::Device device = at::kCPU;
};

struct SearchResult {
  bool complete = false;  // false: `watch` stopped it; what was evaluated is kept
  bool searched = false;  // the search itself was complete; choice and guide stand
  std::size_t tried = 0, fitting = 0;
  EvaluationSetting setting;       // of the images that guided
  Measurement choice;              // by the images that guided
  std::vector<Measurement> guide;  // the front, by the same
  Sweep sweep;                     // the front as measured at last, on the test images
  std::filesystem::path archive, sweep_file;
};

// Throws UsageError for a run that cannot be searched (switchable norms, no finished epoch, no
// images to guide), NoChoiceError when nothing can fit the budget.
SearchResult search(const LockedRun& run, const PreparedData& data, const SearchRequest& request,
                    const Watch& watch = {});
// The checks of search() that need no images.
void check_searchable(const LockedRun& run, const SearchRequest& request);

}  // namespace concertina::experiment
