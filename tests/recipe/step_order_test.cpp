// The order of a step's passes, loss terms and backward passes, without tensors.
#include "concertina/recipe/step_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/text.h"

namespace concertina {
namespace {

using testing::ElementsAre;

const std::string kSoft = " : kl weight=1 temperature=4 reduction=batchmean t-power=2 gradient=";

DistillPlan plan_of(const std::vector<std::string>& edges,
                    const std::vector<std::string>& nodes = {}) {
  DistillPlan plan;
  for (const std::string& node : nodes) plan.nodes.push_back(parse_node(node, plan.names()));
  for (const std::string& edge : edges) plan.edges.push_back(parse_edge(edge, plan.names()));
  return plan;
}

// The instructions in short: "run 1", "add 0.5<-1", "back 1".
std::vector<std::string> order(const DistillPlan& plan, const std::vector<int>& thousandths) {
  PlanStep step;
  for (const int each : thousandths) step.active.push_back(Width::from_thousandths(each));
  const StepOrder compiled = compile_step(plan, step);
  const auto end = [&](const TermEnd& one) {
    if (one.kind == TermEnd::Kind::label) return std::string("label");
    if (one.kind == TermEnd::Kind::subnet) return one.subnet.width.label();
    return plan.nodes[static_cast<std::size_t>(one.node)].name;
  };
  std::vector<std::string> lines;
  for (const StepInstruction& one : compiled.instructions) {
    if (one.kind == StepInstruction::Kind::add_term) {
      const LossTerm& term = compiled.terms[one.index].term;
      lines.push_back("add " + end(term.teacher) + " -> " + end(term.student));
      continue;
    }
    const bool runs = one.kind == StepInstruction::Kind::run_pass;
    lines.push_back((runs ? "run " : "back ") + compiled.passes[one.index].width.label());
  }
  return lines;
}

TEST(StepOrder, AChainOfAssistantsKeepsOnePassAlive) {
  const DistillPlan plan =
      plan_of({"label -> full : ce weight=1", "next-larger -> each" + kSoft + "stop"});
  EXPECT_THAT(order(plan, {250, 500, 1000}),
              ElementsAre("run w1.000", "add label -> w1.000", "back w1.000",  //
                          "run w0.500", "add w1.000 -> w0.500", "back w0.500", "run w0.250",
                          "add w0.500 -> w0.250", "back w0.250"));
}

TEST(StepOrder, TheSandwichTeachesFromTheFullSubModel) {
  const DistillPlan plan =
      plan_of({"label -> full : ce weight=1", "full -> students" + kSoft + "stop"});
  EXPECT_THAT(order(plan, {250, 400, 1000}),
              ElementsAre("run w1.000", "add label -> w1.000", "back w1.000",  //
                          "run w0.400", "add w1.000 -> w0.400", "back w0.400", "run w0.250",
                          "add w1.000 -> w0.250", "back w0.250"));
}

// A wider student waits for its narrower teacher.
TEST(StepOrder, PeersTeachInACircle) {
  EXPECT_THAT(order(plan_of({"peers -> each" + kSoft + "stop"}), {500, 1000}),
              ElementsAre("run w1.000", "run w0.500", "add w0.500 -> w1.000",
                          "add w1.000 -> w0.500", "back w1.000", "back w0.500"));
}

TEST(StepOrder, AnEnsembleWaitsForAllItsMembers) {
  const DistillPlan plan =
      plan_of({"label -> each : ce weight=1", "all -> smallest" + kSoft + "stop"},
              {"all : mean-logits of=each"});
  EXPECT_THAT(order(plan, {500, 1000}),
              ElementsAre("run w1.000", "add label -> w1.000", "back w1.000", "run w0.500",
                          "add label -> w0.500", "add all -> w0.500", "back w0.500"));
}

TEST(StepOrder, AThroughEdgeHoldsItsTeachersBackwardPass) {
  const DistillPlan plan =
      plan_of({"label -> full : ce weight=1", "full -> students" + kSoft + "through"});
  EXPECT_THAT(order(plan, {500, 1000}),
              ElementsAre("run w1.000", "add label -> w1.000", "run w0.500", "add w1.000 -> w0.500",
                          "back w1.000", "back w0.500"));
  PlanStep step;
  step.active = {Width::from_thousandths(500), Width()};
  const OrderedTerm& term = compile_step(plan, step).terms.back();
  EXPECT_EQ(term.students, 1U);
  EXPECT_EQ(term.learners.size(), 2U);
}

TEST(StepOrder, ATermOfWeightZeroIsLeftOut) {
  const DistillPlan plan = plan_of({"label -> each : ce weight=step(0,1@0.5)"});
  EXPECT_THAT(order(plan, {1000}), ElementsAre("run w1.000", "back w1.000"));
}

}  // namespace
}  // namespace concertina
