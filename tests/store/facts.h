// What files of ours hold, as lines of text, so that files of old releases can be compared with
// what their own release read from them.
#pragma once

#include <cstdio>
#include <string>

#include "concertina/store/model_file.h"
#include "concertina/store/run_file.h"
#include "concertina/store/search_file.h"
#include "concertina/store/sweep_file.h"

namespace concertina::store_test {

inline std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

inline std::string facts(const std::string& what, const Tensors& tensors) {
  std::string text;
  for (const NamedTensor& one : tensors) {
    const at::Tensor value = one.value.contiguous();
    double sum = 0;
    for (std::int64_t k = 0; k < value.numel(); ++k) sum += value.data_ptr<float>()[k];
    text += what + " " + one.name + " [" + one.axes + "] " + std::to_string(value.numel()) + " " +
            number(sum) + "\n";
  }
  return text;
}

inline std::string facts(const std::vector<NormBank>& banks) {
  std::string text;
  for (const NormBank& bank : banks) {
    text += facts("norm " + bank.width.text() + (bank.calibrated ? " " : " uncalibrated "),
                  bank.values);
  }
  return text;
}

inline std::string facts(const std::vector<Measurement>& rows) {
  std::string text;
  for (const Measurement& row : rows) {
    text += "row " + row.id + " " + row.subnet.width.text() + " " +
            std::to_string(row.subnet.exit) + " " + number(row.accuracy) + " " + number(row.loss) +
            " " + std::to_string(row.cost.macs) + " " + std::to_string(row.cost.params) + " " +
            number(row.latency_median) + " " + number(row.latency_p95) + "\n";
  }
  return text;
}

inline std::string facts(const NetSpec& net) {
  std::string text = "net " + net.name + " " + std::to_string(net.layers.size()) + " layers, " +
                     std::to_string(net.exit_count()) + " exits, widths";
  for (const Width width : net.widths) text += " " + width.text();
  return text + "\n";
}

inline std::string facts(const RunState& run) {
  std::string text = facts(run.net) + run.recipe + "\n";
  text += run.data.argument + " " + run.data.sha256 + " " + std::to_string(run.seed) + "\n";
  text += "step " + std::to_string(run.progress.step) + " epoch " +
          std::to_string(run.progress.epoch) + " best " + number(run.progress.best_score) + "\n";
  text += facts("weight", run.weights) + facts(run.norms) + facts("momentum", run.momentum);
  for (const SubnetState& one : run.submodels) {
    text += "sub-model " + subnet_id(run.net, one.subnet) + "\n";
    if (!one.best) continue;
    text += "best " + std::to_string(one.best->epoch) + " " + number(one.best->accuracy) + "\n" +
            facts("best", one.best->weights) + facts("best", one.best->norm);
  }
  for (const Evaluation& row : run.evaluations) {
    text += "evaluation " + row.id + " " + row.split + " " + std::to_string(row.epoch) + " " +
            number(row.accuracy) + " " + number(row.loss) + "\n";
  }
  return text;
}

inline std::string facts(const Sweep& sweep) {
  return sweep.setting.split + " " + sweep.setting.device + " " + sweep.setting.run_sha256 + "\n" +
         facts(sweep.rows);
}

inline std::string facts(const SearchRecord& record) {
  return record.setting.split + " " + record.setting.engine + "\n" + record.search +
         facts(record.rows);
}

inline std::string facts(const ModelState& model) {
  std::string text = facts(model.net) + facts("weight", model.weights) + facts(model.norms) +
                     facts(model.submodels);
  for (const std::string& name : model.classes) text += "class " + name + "\n";
  for (const auto& [key, value] : model.origin) text += "origin " + key + " = " + value + "\n";
  for (const EarlyExit& exit : model.early_exits) {
    text += "early exit " + exit.width.text() + " " + std::to_string(exit.policies.size()) + "\n";
  }
  return text;
}

}  // namespace concertina::store_test
