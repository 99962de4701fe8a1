// A plan or recipe made in C++ is refused in the words of the parser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/recipe/recipe.h"

#include "recipe/refusal.h"

namespace concertina {
namespace {

using testing::HasSubstr;

constexpr const char* kSoft =
    " : kl weight=1 temperature=4 reduction=batchmean t-power=2 gradient=stop";

DistillPlan good_plan() {
  DistillPlan plan;
  plan.edges = {parse_edge("label -> each : ce weight=1"),
                parse_edge(std::string("full -> students") + kSoft)};
  return plan;
}

std::string refusal_of(const DistillPlan& plan) {
  return refusal([&] { validate(plan); });
}

TEST(Validate, AcceptsAPlanMadeInCode) { EXPECT_EQ(refusal_of(good_plan()), "accepted"); }

TEST(Validate, RefusesAnUnknownNode) {
  DistillPlan plan = good_plan();
  plan.edges[1].teacher = {Role::node, 1, "ghost"};
  EXPECT_EQ(refusal_of(plan), refusal([&] { parse_edge(edge_text(plan.edges[1])); }));
  EXPECT_THAT(refusal_of(plan), HasSubstr("unknown teacher \"ghost\""));
}

TEST(Validate, RefusesWrongCriterionNumbers) {
  DistillPlan plan = good_plan();
  plan.edges[1].numbers["alpha"] = 2;
  EXPECT_EQ(refusal_of(plan), refusal([&] { parse_edge(edge_text(plan.edges[1]) + " alpha=2"); }));
  EXPECT_THAT(refusal_of(plan), HasSubstr("unknown property \"alpha\""));
  plan = good_plan();
  plan.edges[0].numbers["smoothing"] = 2;
  EXPECT_THAT(refusal_of(plan), HasSubstr("smoothing: expected"));
  plan.edges[0].numbers.clear();
  EXPECT_THAT(refusal_of(plan), HasSubstr("smoothing is missing"));
}

TEST(Validate, RefusesNodesInACircle) {
  DistillPlan plan = good_plan();
  PlanNode one, two;
  one.name = "one";
  two.name = "two";
  one.kind = two.kind = NodeKind::mean_logits;
  one.of = {{Role::node, 1, "two"}};
  two.of = {{Role::node, 1, "one"}};
  plan.nodes = {one, two};
  EXPECT_EQ(refusal_of(plan), refusal([] { parse_node("one : mean-logits of=two"); }));
  EXPECT_THAT(refusal_of(plan), HasSubstr("\"two\""));
}

TEST(Validate, RefusesARoleThatOnlyTeachesAsAStudent) {
  DistillPlan plan = good_plan();
  plan.edges[1].student = {Role::larger, 1, ""};
  EXPECT_EQ(refusal_of(plan), refusal([&] { parse_edge(edge_text(plan.edges[1])); }));
  EXPECT_THAT(refusal_of(plan), HasSubstr("student \"larger\""));
}

TEST(Validate, RefusesAViewThatLacksANumber) {
  DistillPlan plan = good_plan();
  plan.views.resize(1);
  plan.views[0].name = "dim";
  plan.views[0].kind = ViewKind::gray;
  EXPECT_THAT(refusal_of(plan), HasSubstr("noise is missing"));
}

TEST(Validate, RefusesARecipesValueOutOfRange) {
  Recipe recipe = parse_recipe("", "mine");
  recipe.name = "mine";
  EXPECT_EQ(refusal([&] { validate(recipe); }), "accepted");
  recipe.momentum = 7;
  EXPECT_THAT(refusal([&] { validate(recipe); }), HasSubstr("mine: optimizer.momentum: expected"));
  recipe.momentum = 0.9;
  recipe.plan.edges[0].student = {Role::larger, 1, ""};
  EXPECT_THAT(refusal([&] { validate(recipe); }), HasSubstr("mine: distill.edge: edge \""));
}

}  // namespace
}  // namespace concertina
