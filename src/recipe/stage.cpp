// The text of a plan's stage.
#include <algorithm>
#include <cmath>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/recipe/plan.h"

#include "names.h"
#include "plan_words.h"

namespace concertina {
namespace {

constexpr Name<bool> kSwitch[] = {{"yes", true}, {"no", false}};

PlanStage read_stage(std::string_view text, const Names& stages) {
  const std::vector<std::string> found = plan_words(text);
  if (found.size() < 3 || found[1] != ":") throw UsageError("expected NAME : share=S ...");
  PlanStage stage;
  stage.name = found[0];
  check_new_name(stage.name, stages);
  const Properties given({found.begin() + 2, found.end()},
                         {"share", "lr", "train", "fresh", "sparse", "cut"});
  stage.share = read_number("share", given.needed("share", "of the run's steps"), 0.0001, 1);
  const auto when = [&](const char* name, const auto& read) {
    if (const std::string* value = given.find(name)) read(*value);
  };
  when("lr", [&](const auto& value) { stage.lr = read_number("lr", value, 0.000001, 1000); });
  when("train", [&](const auto& value) {
    stage.train = value == "all" ? std::vector<std::string>{} : split(value, ',');
  });
  when("fresh", [&](const auto& value) { stage.fresh = pick("fresh", value, kSwitch); });
  when("sparse", [&](const auto& value) { stage.sparse = pick("sparse", value, kSwitch); });
  when("cut", [&](const auto& value) { stage.prune = read_number("cut", value, 0, 0.99); });
  return stage;
}

}  // namespace

PlanStage parse_stage(std::string_view text, const Names& stages) {
  return read_named("stage", text, [&] { return read_stage(text, stages); });
}

std::string stage_text(const PlanStage& stage) {
  std::string text = stage.name + " : share=" + format_real(stage.share);
  if (stage.lr != 1) text += " lr=" + format_real(stage.lr);
  if (!stage.train.empty()) text += " train=" + join(stage.train, ",");
  if (stage.fresh) text += " fresh=yes";
  if (!stage.sparse) text += " sparse=no";
  if (stage.prune > 0) text += " cut=" + format_real(stage.prune);
  return text;
}

}  // namespace concertina
