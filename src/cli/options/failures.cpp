#include "options/failures.h"

namespace concertina::cli {

Option fail_option() {
  return integer_option("fail", {1, 1000},
                        "also the accuracy over all sets of K failed devices, for nets that run on "
                        "several (nonn-mobilenet-v1)");
}

Json failures_json(const std::vector<FailureScore>& scores) {
  const experiment::FailureSummary summary = experiment::summary_of(scores);
  Json json = {{"failed", scores.front().failed.size()},
               {"mean", summary.mean},
               {"worst", summary.worst},
               {"best", summary.best},
               {"sets", Json::array()}};
  for (const FailureScore& score : scores) {
    Json devices = Json::array();
    for (const int device : score.failed) devices.push_back(device + 1);
    json["sets"].push_back({{"devices", devices}, {"accuracy", score.accuracy}});
  }
  return json;
}

}  // namespace concertina::cli
