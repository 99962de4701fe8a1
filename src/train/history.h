// Sums of one epoch, and the columns of /history. Files of this room only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "concertina/distill/train_step.h"
#include "concertina/eval/evaluate.h"
#include "concertina/store/run_file.h"

namespace concertina {

// What is summed over an epoch's steps. Columns exist for the listed sub-models and the terms that
// run when all of them are active; under the sandwich rule, widths drawn at random are not listed.
class EpochSums {
 public:
  EpochSums(const NetSpec& net, const DistillPlan& plan, const std::vector<Width>& widths);

  void add(const StepReport& report, std::int64_t batch);
  // One number a name, NaN where nothing was summed: "loss/w0.500", "accuracy/w0.500",
  // "edge1/w0.500/loss", "edge2/w0.500/gradient_norm" (added up over several teachers).
  std::vector<std::pair<std::string, double>> means() const;
  const std::string& unit(const std::string& name) const { return sums_.at(name).unit; }
  std::vector<std::pair<std::string, double>> losses() const;  // by sub-model id, smallest first

  // For a checkpoint in the middle of an epoch. restore throws DataError when the count is not
  // ours.
  std::vector<double> flat() const;
  void restore(const std::vector<double>& flat);
  void clear();

 private:
  struct Sum {
    double total = 0;
    double count = 0;
    std::string unit;
  };
  void put(const std::string& name, double value, double count);

  const NetSpec& net_;
  const DistillPlan& plan_;
  std::vector<std::string> ids_;
  std::map<std::string, Sum> sums_;
};

// Appends one row; makes the columns when the table is empty.
void append_train_row(Table& table, std::int64_t epoch, double learning_rate,
                      const EpochSums& sums);
void append_valid_row(Table& table, std::int64_t epoch, const std::vector<Evaluation>& rows);

}  // namespace concertina
