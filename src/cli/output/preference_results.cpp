#include "output/preference_results.h"

#include <algorithm>

#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/recipe/ini.h"

#include "output/table.h"

namespace concertina::cli {
namespace {

const char* scale_name(CostScale scale) { return scale == CostScale::log ? "log" : "linear"; }
const char* sum_name(WeightSum sum) { return sum == WeightSum::free ? "free" : "one"; }

// visit(maker, statement, verdict) for each that counts.
template <typename Visit>
void each_verdict(const Preferred& preferred, const Visit& visit) {
  const std::vector<Maker>& makers = preferred.preferences.makers;
  for (std::size_t m = 0; m < makers.size(); ++m) {
    const std::vector<Verdict>& verdicts = preferred.result.verdicts[m];
    for (std::size_t k = 0; k < verdicts.size(); ++k) {
      visit(makers[m], makers[m].statements[k], verdicts[k]);
    }
  }
}

std::string verdict_text(const Statement& statement, const Verdict& verdict) {
  if (verdict.missing == 0) return "holds";
  return (statement.equal ? "apart by " : "short by ") + format_fixed(verdict.missing, 4);
}

std::string robust_text(const Preferred& preferred) {
  const std::vector<std::string>& rivals = preferred.result.rivals;
  if (rivals.empty()) return "yes, all weights that meet the statements as well choose it";
  return "no, other weights that meet the statements as well choose " + join(rivals, " ");
}

std::string weights_text(const PreferredChoice& result, const std::string& between) {
  std::vector<std::string> parts;
  for (std::size_t k = 0; k < result.weights.size(); ++k) {
    parts.push_back(attribute_name(result.attributes[k]) + between +
                    format_fixed(result.weights[k], 4));
  }
  return join(parts, between == "=" ? " " : ", ");
}

std::string verdict_table(const Preferred& preferred) {
  TextTable table({"maker", ">importance", ">difference", "verdict", "statement"});
  each_verdict(preferred, [&](const Maker& maker, const Statement& said, const Verdict& verdict) {
    table.add({maker.name, format_real(maker.importance), format_fixed(verdict.difference, 4),
               verdict_text(said, verdict), said.text});
  });
  return table.text();
}

std::string value_table(const PreferredChoice& result) {
  std::vector<std::string> titles = {"sub-model", ">value"};
  for (const Attribute attribute : result.attributes) {
    titles.push_back(std::string(">") + attribute_name(attribute));
  }
  TextTable table(titles);
  for (const Valued& one : result.ranking) {
    std::vector<std::string> cells = {one.row.id, format_fixed(one.value, 4)};
    const Figures figures = figures_of(one.row);
    for (const Attribute attribute : result.attributes) {
      cells.push_back(
          format_quantity(figures[static_cast<std::size_t>(attribute)], attribute_unit(attribute)));
    }
    table.add(std::move(cells));
  }
  return table.text();
}

}  // namespace

void warn_of_preferences(const Preferred& preferred) {
  if (const std::size_t count = preferred.result.unmeasured) {
    log_warn("not considered: " + std::to_string(count) +
             " sub-models that fit the budget and lack a figure that counts");
  }
  const Maker* warned = nullptr;
  each_verdict(preferred, [&](const Maker& maker, const Statement& said, const Verdict& verdict) {
    if (verdict.missing_alone == 0 || warned == &maker) return;
    warned = &maker;
    log_warn(said.place + ": \"" + said.text + "\" cannot hold with all else that maker \"" +
             maker.name + "\" says; it misses by " + format_fixed(verdict.missing_alone, 4) +
             " in value");
  });
}

std::string preferences_text(const Preferred& preferred) {
  return "weights: " + weights_text(preferred.result, " ") + "\nrobust: " + robust_text(preferred) +
         "\n\n" + verdict_table(preferred) + "\n" + value_table(preferred.result);
}

Json preferences_json(const Preferred& preferred) {
  const PreferredChoice& result = preferred.result;
  Json weights = Json::object(), values = Json::array(), statements = Json::array();
  for (std::size_t k = 0; k < result.weights.size(); ++k) {
    weights[attribute_name(result.attributes[k])] = result.weights[k];
  }
  for (const Valued& one : result.ranking) {
    values.push_back({{"id", one.row.id}, {"value", one.value}});
  }
  each_verdict(preferred, [&](const Maker& maker, const Statement& said, const Verdict& verdict) {
    statements.push_back({{"maker", maker.name},
                          {"importance", maker.importance},
                          {"statement", said.text},
                          {"place", said.place},
                          {"difference", verdict.difference},
                          {"holds", verdict.missing == 0},
                          {"missing", verdict.missing},
                          {"missing_alone", verdict.missing_alone}});
  });
  return {{"file", preferred.file},
          {"margin", preferred.preferences.margin},
          {"scale", scale_name(preferred.preferences.scale)},
          {"sum", sum_name(preferred.preferences.sum)},
          {"weights", weights},
          {"robust", result.rivals.empty()},
          {"rivals", result.rivals},
          {"values", values},
          {"statements", statements}};
}

std::string preferences_ini(const Preferred& preferred) {
  const PreferredChoice& result = preferred.result;
  std::string text = "\n[preferences]\n";
  const auto put = [&](const std::string& key, const std::string& value) {
    text += key + " = " + ini_value(value) + "\n";
  };
  put("file", preferred.file);
  put("margin", format_real(preferred.preferences.margin));
  put("scale", scale_name(preferred.preferences.scale));
  put("sum", sum_name(preferred.preferences.sum));
  put("weights", weights_text(result, "="));
  put("value", format_fixed(result.ranking.front().value, 4));
  put("rivals", result.rivals.empty() ? "none" : join(result.rivals, " "));
  each_verdict(preferred, [&](const Maker& maker, const Statement& said, const Verdict& verdict) {
    put("statement", maker.name + " (" + format_real(maker.importance) + "): " + said.text + ": " +
                         verdict_text(said, verdict));
  });
  return text;
}

}  // namespace concertina::cli
