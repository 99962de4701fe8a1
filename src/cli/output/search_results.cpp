#include "output/search_results.h"

#include <algorithm>
#include <iostream>

#include "concertina/core/text.h"

#include "output/results.h"
#include "output/table.h"

namespace concertina::cli {

using experiment::SearchResult;

namespace {

const Measurement& measured(const SearchResult& found, const Measurement& row) {
  return *std::find_if(found.sweep.rows.begin(), found.sweep.rows.end(),
                       [&](const Measurement& one) { return one.subnet == row.subnet; });
}

std::string why(const SearchResult& found, const Budget& budget) {
  const EvaluationSetting& guide = found.setting;
  return "the most accurate on " + std::to_string(guide.images) + " " + guide.split +
         " images of the " + std::to_string(found.fitting) + " of " + std::to_string(found.tried) +
         " sub-models tried that fit " + budget.text();
}

}  // namespace

void print_found(const SearchResult& found, const Budget& budget) {
  const EvaluationSetting& guide = found.setting;
  std::cout << "choice: " << found.choice.id << ", " << why(found, budget) << "\n\n";
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

void print_found_json(const SearchResult& found, const experiment::SearchRequest& request) {
  const EvaluationSetting& guide = found.setting;
  const auto row_json = [&](const Measurement& row) {
    Json json = measurement_json(measured(found, row));
    json["search_accuracy"] = row.accuracy;
    json["search_loss"] = row.loss;
    return json;
  };
  Json front = Json::array();
  for (const Measurement& row : found.guide) front.push_back(row_json(row));
  print_json({{"choice", row_json(found.choice)},
              {"why", why(found, request.budget)},
              {"budget", request.budget.text()},
              {"method", experiment::search_method_name(request.method)},
              {"seed", request.evolution.seed},
              {"tried", found.tried},
              {"split", guide.split},
              {"images", guide.images},
              {"archive", found.archive.string()},
              {"file", found.sweep_file.string()},
              {"setting", setting_json(found.sweep.setting)},
              {"pareto", front}});
}

}  // namespace concertina::cli
