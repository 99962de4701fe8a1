#include "history.h"

#include <algorithm>
#include <limits>

#include "concertina/core/error.h"

namespace concertina {
namespace {

// "edge2/w0.250": edge and student; several teachers' terms are added up.
std::string link_name(const NetSpec& net, const DistillPlan& plan, const LossTerm& term) {
  return "edge" + std::to_string(term.edge + 1) + "/" + end_text(net, plan, term.student);
}

// Of an edge's loss; what compares maps, or logits by their squares, has no unit.
bool is_in_nats(const Edge& edge) {
  return entry_of(edge.criterion).compares == Compares::logits && edge.criterion != Criterion::mse;
}

void append(Table& table, const std::vector<Column>& row) {
  if (table.empty()) {
    table = row;
    return;
  }
  for (std::size_t k = 0; k < row.size(); ++k) table[k].values.push_back(row[k].values.front());
}

}  // namespace

EpochSums::EpochSums(const NetSpec& net, const DistillPlan& plan, const std::vector<Width>& widths)
    : net_(net), plan_(plan) {
  for (const Subnet& subnet : all_subnets(net, widths)) {
    ids_.push_back(subnet_id(net, subnet));
    sums_["loss/" + ids_.back()].unit = "nats";
    sums_["accuracy/" + ids_.back()].unit = "fraction";
  }
  PlanStep all;
  all.active = widths;
  all.exits = net.exit_count();
  for (all.stage = 0; all.stage < std::max(1, static_cast<int>(plan.stages.size())); ++all.stage) {
    for (const LossTerm& term : plan.loss_terms(all)) {
      const std::string name = link_name(net, plan, term);
      const bool nats = is_in_nats(plan.edge_of(term));
      sums_[name + "/loss"].unit = nats ? "nats" : "1";
      sums_[name + "/gradient_norm"].unit = nats ? "nats per logit" : "1";
    }
  }
}

void EpochSums::put(const std::string& name, double value, double count) {
  const auto sum = sums_.find(name);
  if (sum == sums_.end()) return;
  sum->second.total += value;
  sum->second.count += count;
}

void EpochSums::add(const StepReport& report, std::int64_t batch) {
  for (const SubnetReport& entry : report.subnets) {
    const std::string id = subnet_id(net_, entry.subnet);
    put("loss/" + id, entry.loss, 1);
    put("accuracy/" + id, static_cast<double>(entry.correct), static_cast<double>(batch));
  }
  std::map<std::string, std::pair<double, double>> edges;
  for (const TermReport& entry : report.terms) {
    auto& [loss, norm] = edges[link_name(net_, plan_, entry.term)];
    loss += entry.loss;
    norm += entry.gradient_norm;
  }
  for (const auto& [name, figures] : edges) {
    put(name + "/loss", figures.first, 1);
    put(name + "/gradient_norm", figures.second, 1);
  }
}

std::vector<std::pair<std::string, double>> EpochSums::means() const {
  std::vector<std::pair<std::string, double>> result;
  for (const auto& [name, sum] : sums_) {
    result.emplace_back(
        name, sum.count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum.total / sum.count);
  }
  return result;
}

std::vector<std::pair<std::string, double>> EpochSums::losses() const {
  std::vector<std::pair<std::string, double>> result;
  for (const std::string& id : ids_) {
    const Sum& sum = sums_.at("loss/" + id);
    if (sum.count != 0) result.emplace_back(id, sum.total / sum.count);
  }
  return result;
}

std::vector<double> EpochSums::flat() const {
  std::vector<double> values;
  for (const auto& [name, sum] : sums_) {
    values.push_back(sum.total);
    values.push_back(sum.count);
  }
  return values;
}

void EpochSums::restore(const std::vector<double>& flat) {
  if (flat.size() != 2 * sums_.size()) {
    throw DataError("run file: " + std::to_string(flat.size()) + " partial sums; expected " +
                    std::to_string(2 * sums_.size()));
  }
  std::size_t k = 0;
  for (auto& [name, sum] : sums_) {
    sum.total = flat[k++];
    sum.count = flat[k++];
  }
}

void EpochSums::clear() {
  for (auto& [name, sum] : sums_) sum.total = sum.count = 0;
}

void append_train_row(Table& table, std::int64_t epoch, double learning_rate,
                      const EpochSums& sums) {
  std::vector<Column> row{{"epoch", "epochs", {static_cast<double>(epoch)}},
                          {"learning_rate", "1", {learning_rate}}};
  for (const auto& [name, mean] : sums.means()) row.push_back({name, sums.unit(name), {mean}});
  append(table, row);
}

void append_valid_row(Table& table, std::int64_t epoch, const std::vector<Evaluation>& rows) {
  std::vector<Column> row{{"epoch", "epochs", {static_cast<double>(epoch)}}};
  for (const Evaluation& one : rows) {
    row.push_back({"loss/" + one.id, "nats", {one.loss}});
    row.push_back({"accuracy/" + one.id, "fraction", {one.accuracy}});
  }
  append(table, row);
}

}  // namespace concertina
