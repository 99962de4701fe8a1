#include "search_results.h"

#include <algorithm>
#include <iostream>

#include "concertina/core/text.h"

#include "results.h"
#include "table.h"

namespace concertina::cli {
namespace {

const Measurement& measured(const Found& found, const Measurement& row) {
  return *std::find_if(found.sweep.rows.begin(), found.sweep.rows.end(),
                       [&](const Measurement& one) { return one.subnet == row.subnet; });
}

std::string why(const Found& found, const EvaluationSetting& guide) {
  return "the most accurate on " + std::to_string(guide.images) + " " + guide.split +
         " images of the " + std::to_string(found.fitting) + " of " + std::to_string(found.tried) +
         " sub-models tried that fit " + found.budget.text();
}

}  // namespace

void print_found(const Found& found, const EvaluationSetting& guide) {
  std::cout << "choice: " << found.choice.id << ", " << why(found, guide) << "\n\n";
  TextTable table({"sub-model", ">" + guide.split, ">accuracy", ">loss", ">MACs", ">params",
                   ">size", ">latency"});
  for (const Measurement& row : found.guide) {
    const Measurement& test = measured(found, row);
    table.add({row.id, accuracy_cell(row.accuracy), accuracy_cell(test.accuracy),
               loss_cell(test.loss), count_cell(row.cost.macs), count_cell(row.cost.params),
               bytes_cell(row.cost.bytes), format_quantity(test.latency_median, Unit::seconds)});
  }
  const SweepSetting& setting = found.sweep.setting;
  std::cout << "Pareto front by " << guide.split << " accuracy and MACs:\n"
            << table.text() << "accuracy and loss: " << setting.images << " " << setting.split
            << " images, which chose nothing; latency: batch " << setting.batch << ", "
            << setting.threads << " threads, " << setting.device << "\n";
}

void print_found_json(const Found& found, const EvaluationSetting& guide, const Options& options,
                      const std::filesystem::path& archive, const std::filesystem::path& sweep) {
  const auto row_json = [&](const Measurement& row) {
    Json json = measurement_json(measured(found, row));
    json["search_accuracy"] = row.accuracy;
    json["search_loss"] = row.loss;
    return json;
  };
  Json front = Json::array();
  for (const Measurement& row : found.guide) front.push_back(row_json(row));
  print_json({{"choice", row_json(found.choice)},
              {"why", why(found, guide)},
              {"budget", found.budget.text()},
              {"method", options.text("method")},
              {"seed", options.integer("seed")},
              {"tried", found.tried},
              {"split", guide.split},
              {"images", guide.images},
              {"archive", archive.string()},
              {"file", sweep.string()},
              {"setting", setting_json(found.sweep.setting)},
              {"pareto", front}});
}

}  // namespace concertina::cli
