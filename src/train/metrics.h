// metrics.jsonl: one JSON object a line, appended while a run goes on, readable after any kill.
// Layout: docs/file-format.md. Files of this room only.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "concertina/distill/train_step.h"
#include "concertina/store/run_file.h"

namespace concertina {

class Metrics {
 public:
  // Opens for appending; drops what stands there from after `step`, and a torn last line: a resumed
  // run does those steps again. Throws IoError.
  Metrics(const std::filesystem::path& file, std::int64_t step);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void step(const Progress& progress, double learning_rate, double gradient_norm,
            double images_per_second, const NetSpec& net, const DistillPlan& plan,
            const StepReport& report);
  void epoch(const Progress& progress, double seconds,
             const std::vector<std::pair<std::string, double>>& means,
             const std::vector<Evaluation>& evaluations);

 private:
  void write(const std::string& line);

  std::filesystem::path file_;
  std::FILE* stream_ = nullptr;
};

}  // namespace concertina
