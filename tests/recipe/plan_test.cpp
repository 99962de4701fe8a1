#include "concertina/recipe/plan.h"

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "recipe/refusal.h"

namespace concertina {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSoft = " weight=1 temperature=4 reduction=batchmean t-power=2 gradient=stop";

std::vector<Width> widths(const std::vector<int>& thousandths) {
  std::vector<Width> out;
  for (const int each : thousandths) out.push_back(Width::from_thousandths(each));
  return out;
}

DistillPlan plan(const std::vector<std::string>& edges) {
  DistillPlan out;
  for (const std::string& edge : edges) out.edges.push_back(parse_edge(edge));
  return out;
}

PlanStep step_of(const std::vector<int>& thousandths, int exits) {
  PlanStep step;
  step.active = widths(thousandths);
  step.exits = exits;
  return step;
}

DistillPlan label_and(const std::string& teacher_and_student) {
  return plan({"label -> each : ce", teacher_and_student + " : kl" + kSoft});
}

std::string text(const TermEnd& end) {
  if (end.kind == TermEnd::Kind::label) return "Y";
  if (end.kind == TermEnd::Kind::node) return "node" + std::to_string(end.node);
  return end.subnet.width.text() + "/" + std::to_string(end.subnet.exit);
}
std::string text(const Subnet& subnet) { return text(TermEnd::of(subnet)); }

// "0.5/1<1/1" for a teacher's term, "1/1<Y" for the label's; the weight follows unless it is 1.
std::vector<std::string> texts(const std::vector<LossTerm>& terms, int edge = -1) {
  std::vector<std::string> out;
  for (const LossTerm& term : terms) {
    if (edge >= 0 && term.edge != edge) continue;
    const std::string weight = term.weight == 1 ? "" : "*" + format_fixed(term.weight, 3);
    out.push_back(text(term.student) + "<" + text(term.teacher) + weight);
  }
  return out;
}

TEST(Plan, ChainOverWidths) {
  const auto terms = label_and("next-larger -> each").loss_terms(step_of({250, 500, 750, 1000}, 1));
  EXPECT_THAT(texts(terms), ElementsAre("1/1<Y", "0.75/1<Y", "0.75/1<1/1", "0.5/1<Y",
                                        "0.5/1<0.75/1", "0.25/1<Y", "0.25/1<0.5/1"));
}

TEST(Plan, ChainOverExits) {
  const auto terms = label_and("next-larger -> each").loss_terms(step_of({1000}, 7));
  EXPECT_THAT(texts(terms, 1),
              ElementsAre("1/6<1/7", "1/5<1/6", "1/4<1/5", "1/3<1/4", "1/2<1/3", "1/1<1/2"));
  EXPECT_EQ(texts(terms, 0).size(), 7U);
}

TEST(Plan, ChainOverWidthsAndExits) {
  const auto terms = label_and("next-larger -> each").loss_terms(step_of({500, 1000}, 3));
  EXPECT_THAT(texts(terms, 1),
              ElementsAre("1/2<1/3", "1/1<1/2", "0.5/3<1/3", "0.5/2<0.5/3", "0.5/1<0.5/2"));
}

TEST(Plan, FullTeachesFromTheWidestAndLastExit) {
  const auto terms = label_and("full -> students").loss_terms(step_of({500, 1000}, 3));
  EXPECT_THAT(texts(terms, 1),
              ElementsAre("1/2<1/3", "1/1<1/3", "0.5/3<1/3", "0.5/2<1/3", "0.5/1<1/3"));
}

TEST(Plan, LargerFollowsTheChainAndSharesTheWeight) {
  const auto terms = label_and("larger -> each").loss_terms(step_of({500, 750, 1000}, 2));
  EXPECT_THAT(texts(terms, 1),
              ElementsAre("1/1<1/2", "0.75/2<1/2", "0.75/1<0.75/2*0.500", "0.75/1<1/2*0.500",
                          "0.5/2<0.75/2*0.500", "0.5/2<1/2*0.500", "0.5/1<0.5/2*0.333",
                          "0.5/1<0.75/2*0.333", "0.5/1<1/2*0.333"));
}

TEST(Plan, LargerWeightsSumToTheEdgesWeight) {
  auto dense = label_and("larger -> each");
  dense.edges[1].weight = ValueSchedule(0.7);
  std::map<std::string, double> sums;
  for (const LossTerm& term : dense.loss_terms(step_of({250, 500, 750, 1000}, 3))) {
    if (term.edge == 1) sums[text(term.student)] += term.weight;
  }
  EXPECT_EQ(sums.size(), 11U);
  for (const auto& [student, sum] : sums) EXPECT_NEAR(sum, 0.7, 1e-12) << student;
}

TEST(Plan, NextLargerIsAmongTheWidthsOfTheStep) {
  const auto terms = plan({"label -> full : ce", "next-larger -> students : kl" + kSoft})
                         .loss_terms(step_of({1000, 250, 613, 402}, 1));
  EXPECT_THAT(texts(terms),
              ElementsAre("1/1<Y", "0.613/1<1/1", "0.402/1<0.613/1", "0.25/1<0.402/1"));
}

TEST(Plan, SmallestIsTheNarrowestAtTheFirstExit) {
  const auto terms = label_and("full -> smallest").loss_terms(step_of({500, 1000}, 2));
  EXPECT_THAT(texts(terms, 1), ElementsAre("0.5/1<1/2"));
}

TEST(Plan, WithoutALargerOneTheLabelTeaches) {
  const auto chain = plan({"next-larger -> each : kl" + kSoft});
  EXPECT_THAT(texts(chain.loss_terms(step_of({500, 1000}, 1))), ElementsAre("1/1<Y", "0.5/1<1/1"));
  EXPECT_THAT(texts(chain.loss_terms(step_of({500}, 1))), ElementsAre("0.5/1<Y"));
}

TEST(Plan, AFallBackIsAPlainCrossEntropy) {
  DistillPlan two =
      plan({"label -> students : pair tap=feature weight=3", "next-larger -> each : kl" + kSoft});
  const std::vector<LossTerm> terms = two.loss_terms(step_of({500, 1000}, 1));
  ASSERT_TRUE(terms.front().fallback);  // of the full sub-model, the first
  EXPECT_EQ(edge_text(two.edge_of(terms.front())), "label -> each : ce weight=1");
  EXPECT_FALSE(terms.back().fallback);
  EXPECT_EQ(two.edge_of(terms.back()).criterion, Criterion::kl);
}

TEST(Plan, KnowsWhichWidthsAStepJoins) {
  DistillPlan some = plan({"label -> full : ce"});
  some.nodes.push_back(parse_node("crowd : mean-logits of=smallest"));
  some.edges.push_back(parse_edge("crowd -> full : kl" + kSoft, some.names()));
  const PlanStep step = step_of({250, 500, 1000}, 1);
  EXPECT_TRUE(some.joins(Width(), step));
  EXPECT_TRUE(some.joins(Width::from_thousandths(250), step));  // behind the node
  EXPECT_FALSE(some.joins(Width::from_thousandths(500), step));
}

TEST(Plan, LossesMayBeAveraged) {
  DistillPlan mean = label_and("next-larger -> each");
  mean.averages = true;
  EXPECT_THAT(texts(mean.loss_terms(step_of({500, 1000}, 1))),
              ElementsAre("1/1<Y*0.500", "0.5/1<Y*0.500", "0.5/1<1/1*0.500"));
}

TEST(Plan, AFallBackCountsUnderTheLabelsEdge) {
  auto both = plan({"next-larger -> each : kl" + kSoft, "label -> smallest : ce weight=0.5"});
  const auto terms = both.loss_terms(step_of({500, 1000}, 1));
  EXPECT_THAT(texts(terms), ElementsAre("1/1<Y", "0.5/1<1/1", "0.5/1<Y*0.500"));
  EXPECT_EQ(terms[0].edge, 1);
}

TEST(Plan, TheFullSubModelNeedsATeacherToo) {
  const auto without = plan({"label -> students : ce", "full -> students : kl" + kSoft});
  EXPECT_EQ(text(*without.untaught(step_of({500, 1000}, 1))), "1/1");
  EXPECT_EQ(text(*plan({}).untaught(step_of({1000}, 1))), "1/1");
}

TEST(Plan, NamesTheLargestSubModelThatNobodyTeaches) {
  const DistillPlan ends = plan({"label -> full : ce", "label -> smallest : ce"});
  const auto found = ends.untaught(step_of({250, 500, 1000}, 2));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(text(*found), "1/1");
  EXPECT_FALSE(ends.untaught(step_of({500, 1000}, 1)).has_value());
  EXPECT_FALSE(plan({"label -> each : ce"}).untaught(step_of({250, 500, 1000}, 3)).has_value());
}

TEST(Plan, OrderAndRepeatsOfTheWidthsDoNotMatter) {
  const auto dense = label_and("larger -> each");
  EXPECT_EQ(texts(dense.loss_terms(step_of({1000, 250, 500}, 2))),
            texts(dense.loss_terms(step_of({250, 500, 1000, 500}, 2))));
}

// A teacher's own terms are all done before its students', so one pass from the front can walk the
// plan; with `stop` edges that also means that no circle is left.
TEST(Plan, TeachersComeBeforeTheirStudents) {
  const auto all = plan({"label -> each : ce", "next-larger -> each : kl" + kSoft,
                         "larger -> each : kl" + kSoft, "full -> students : kl" + kSoft});
  for (const int exits : {1, 2, 3, 7}) {
    const auto terms = all.loss_terms(step_of({250, 402, 500, 750, 1000}, exits));
    std::vector<std::string> walked;
    for (const LossTerm& term : terms) {
      const std::string student = text(term.student);
      if (walked.empty() || walked.back() != student) walked.push_back(student);
      const bool known =
          std::find(walked.begin(), walked.end() - 1, text(term.teacher)) != walked.end() - 1;
      EXPECT_TRUE(term.from_label() || known) << student << "<" << text(term.teacher);
    }
    EXPECT_EQ(walked.size(), 5U * static_cast<std::size_t>(exits));
  }
}

TEST(Plan, AnAssistantMovesAlongTheChain) {
  auto growing =
      plan({"label -> each : ce", "assistant -> students : kl" + kSoft + " rank=linear(0,1)"});
  PlanStep step = step_of({250, 500, 750, 1000}, 1);
  const auto teacher_of_smallest = [&](double share) {
    step.now.share = share;
    return texts(growing.loss_terms(step), 1).back();
  };
  EXPECT_EQ(teacher_of_smallest(0), "0.25/1<0.5/1");
  EXPECT_EQ(teacher_of_smallest(0.5), "0.25/1<0.75/1");
  EXPECT_EQ(teacher_of_smallest(1), "0.25/1<1/1");
}

TEST(Plan, PeersTeachEachOther) {
  const auto peers = plan({"label -> each : ce", "peers -> each : kl" + kSoft + " share=sum"});
  EXPECT_THAT(texts(peers.loss_terms(step_of({250, 500, 1000}, 1)), 1),
              ElementsAre("1/1<0.25/1", "1/1<0.5/1", "0.5/1<0.25/1", "0.5/1<1/1", "0.25/1<0.5/1",
                          "0.25/1<1/1"));
}

TEST(Plan, DropLeavesTeachersOutAnewInEveryStep) {
  const auto dropping =
      plan({"label -> each : ce", "larger -> students : kl" + kSoft + " share=sum drop=1"});
  PlanStep step = step_of({250, 500, 750, 1000}, 1);
  std::map<std::string, int> taught;  // the smallest, by whom
  for (step.step = 0; step.step < 300; ++step.step) {
    const auto terms = texts(dropping.loss_terms(step), 1);
    ASSERT_EQ(terms.size(), 1U + 1U + 2U);  // of 1, 2 and 3 teachers; one stays in any case
    EXPECT_EQ(terms, texts(dropping.loss_terms(step), 1));
    ++taught[terms[2]];
    ++taught[terms[3]];
  }
  EXPECT_EQ(taught.size(), 3U);
  for (const auto& [term, times] : taught) EXPECT_NEAR(times, 200, 30) << term;
}

TEST(Plan, NodesHaveMembersAndLearnLast) {
  DistillPlan ensemble;
  ensemble.nodes.push_back(parse_node("crowd : mean-logits of=students"));
  ensemble.edges.push_back(parse_edge("label -> full : ce"));
  ensemble.edges.push_back(parse_edge("label -> crowd : ce", ensemble.names()));
  const PlanStep step = step_of({250, 500, 1000}, 1);
  EXPECT_THAT(texts(ensemble.loss_terms(step)), ElementsAre("1/1<Y", "node0<Y"));
  EXPECT_FALSE(ensemble.untaught(step).has_value());  // as members they learn
  ensemble.edges.pop_back();
  EXPECT_EQ(text(*ensemble.untaught(step)), "0.5/1");
}

TEST(Plan, ANodeWithoutSubModelsCannotLearn) {
  DistillPlan ensemble;
  for (const char* text : {"a : external", "b : external"}) {
    ensemble.nodes.push_back(parse_node(text));
  }
  ensemble.nodes.push_back(
      parse_node("both : mean-probs of=a,b temperature=4", {{"a", "b"}, {}, {}, {}, {}}));
  ensemble.edges.push_back(parse_edge("label -> each : ce"));
  ensemble.edges.push_back(parse_edge("label -> both : ce", ensemble.names()));
  EXPECT_THAT(refusal([&] { ensemble.untaught(step_of({1000}, 1)); }),
              HasSubstr("node \"both\" cannot learn"));
}

TEST(Plan, EdgesActInTheirStages) {
  DistillPlan staged;
  for (const char* text : {"early : share=0.5", "late : share=0.5 lr=0.1 train=exit,classifier"}) {
    staged.stages.push_back(parse_stage(text, staged.names().stages));
  }
  for (const char* text : {"label -> full : ce in=early", "label -> students : ce in=late",
                           "label -> smallest : ce weight=0.5"}) {
    staged.edges.push_back(parse_edge(text, staged.names()));
  }
  PlanStep step = step_of({250, 500, 1000}, 1);
  EXPECT_THAT(texts(staged.loss_terms(step)), ElementsAre("1/1<Y", "0.25/1<Y*0.500"));
  step.stage = 1;
  EXPECT_THAT(texts(staged.loss_terms(step)), ElementsAre("0.5/1<Y", "0.25/1<Y", "0.25/1<Y*0.500"));
  EXPECT_FALSE(staged.untaught(step).has_value());  // each in one of the stages
}

TEST(Plan, EndsLookAtTheirViews) {
  DistillPlan robust;
  robust.views.push_back(parse_view("dark : gray noise=0.1"));
  robust.edges.push_back(parse_edge("label -> each : ce view=dark", robust.names()));
  robust.edges.push_back(
      parse_edge("full -> students : kl" + kSoft + " view=dark", robust.names()));
  const auto terms = robust.loss_terms(step_of({500, 1000}, 1));
  ASSERT_EQ(terms.size(), 3U);
  EXPECT_EQ(terms[0].student.view, 0);
  EXPECT_EQ(terms[2].student.view, 0);
  EXPECT_EQ(terms[2].teacher.view, -1);
}

TEST(Plan, StagesAndViewsPrintWhatTheyRead) {
  for (const char* text : {"hints : share=0.4",
                           "late : share=0.25 lr=0.1 train=exit,classifier fresh=yes sparse=no "
                           "cut=0.4"}) {
    EXPECT_EQ(stage_text(parse_stage(text)), text);
  }
  for (const char* text :
       {"bare : plain", "other : augmented", "dark : gray noise=0.1",
        "bad : attack epsilon=0.03 step=0.01 steps=3 random-start=0 norm=running",
        "free : replay epsilon=0.03"}) {
    EXPECT_EQ(view_text(parse_view(text)), text);
  }
  EXPECT_EQ(view_text(parse_view("free : replay epsilon=2/8")), "free : replay epsilon=0.25");
}

TEST(Plan, StagesAndViewsAreRefusedInOneLine) {
  const auto view = [](const char* text) { return refusal([&] { parse_view(text, {"dark"}); }); };
  EXPECT_THAT(view("dark : gray"), HasSubstr("the name \"dark\" is taken"));
  EXPECT_THAT(view("x : grey"), HasSubstr("did you mean \"gray\"?"));
  EXPECT_THAT(view("x : attack"), HasSubstr("norm is missing"));
  EXPECT_THAT(view("x : attack norm=batch steps=1.5"), HasSubstr("expected a whole number"));
  EXPECT_THAT(view("x : attack norm=batch steps=0"),
              HasSubstr("steps: expected a whole number from 1"));
  const auto stage = [](const char* text) { return refusal([&] { parse_stage(text); }); };
  EXPECT_THAT(stage("x : lr=1"), HasSubstr("share is missing"));
  EXPECT_THAT(stage("x : share=2"), HasSubstr("share: expected a number from 0.0001 to 1"));
  EXPECT_THAT(stage("x : share=1 fresh=maybe"), HasSubstr("unknown fresh \"maybe\""));
  EXPECT_THAT(refusal([&] {
                parse_edge("label -> each : ce in=lat", {{}, {}, {"late"}, {}, {}});
              }),
              HasSubstr("unknown stage \"lat\"; did you mean \"late\"?"));
  EXPECT_THAT(refusal([&] {
                parse_edge("label -> each : ce view=drak", {{}, {"dark"}, {}, {}, {}});
              }),
              HasSubstr("did you mean \"dark\"?"));
}

TEST(Plan, NodesPrintWhatTheyRead) {
  const PlanNames nodes{{"a", "b"}, {}, {"late"}, {"a"}, {}};
  for (const char* text :
       {"teacher : external", "teacher : external from=/runs/x:w0.500 sha256=12",
        "teacher : external from=/a->b/run.h5 sha256=12", "all : mean-logits of=each",
        "both : mean-probs of=a,b temperature=4", "copy : snapshot of=full at=late",
        "mix : attention of=students tap=feature", "gated : gate of=each,a tap=depth:0.5",
        "x : filters of=a tap=map by=communities parts=3",
        "x : filters of=a tap=map by=bisection parts=2 part=2 channels=0,7",
        "x : filters of=a tap=map by=bisection parts=2 channels=0,7+3"}) {
    EXPECT_EQ(node_text(parse_node(text, nodes)), text);
  }
}

TEST(Plan, NodesAreRefusedWithTheNearestWord) {
  const auto refused = [](const std::string& text) {
    return refusal([&] { parse_node(text, {{"a", "b", "f"}, {}, {}, {"b"}, {"f"}}); });
  };
  EXPECT_THAT(refused("label : external"), HasSubstr("the name \"label\" is taken"));
  EXPECT_THAT(refused("a : external"), HasSubstr("the name \"a\" is taken"));
  EXPECT_THAT(refused("A b : external"), HasSubstr("expected NAME : KIND"));
  EXPECT_THAT(refused("B : external"), HasSubstr("the name \"B\" is not one"));
  EXPECT_THAT(refused("x : mean-logit of=each"), HasSubstr("did you mean \"mean-logits\"?"));
  EXPECT_THAT(refused("x : mean-logits"), HasSubstr("of is missing"));
  EXPECT_THAT(refused("x : mean-logits of=eahc"), HasSubstr("did you mean \"each\"?"));
  EXPECT_THAT(refused("x : gate of=each"), HasSubstr("tap is missing"));
  EXPECT_THAT(refused("x : mean-logits of=f"), HasSubstr("\"f\" is a part of a map"));
}

TEST(Plan, PartsOfMapsAreRefusedInOneLine) {
  const PlanNames known{{"b", "f"}, {}, {}, {"b"}, {"f"}};
  const auto refused = [&](const std::string& properties) {
    return refusal([&] { parse_node("x : filters tap=map " + properties, known); });
  };
  EXPECT_THAT(refused("of=f by=bisection parts=2"), HasSubstr("unknown external node \"f\""));
  EXPECT_THAT(refused("of=b parts=2"), HasSubstr("by is missing"));
  EXPECT_THAT(refused("of=b by=louvain parts=2"), HasSubstr("unknown partition \"louvain\""));
  EXPECT_THAT(refused("of=b by=bisection parts=0"), HasSubstr("whole number from 1 to 65536"));
  EXPECT_THAT(refused("of=b by=bisection parts=2 part=3"), HasSubstr("from 1 to 2, found \"3\""));
  EXPECT_THAT(refused("of=b by=bisection parts=2 channels=1"), HasSubstr("1 parts; expected 2"));
  EXPECT_THAT(refused("of=b by=bisection parts=1 channels=1,-1"), HasSubstr("found \"-1\""));
  const auto edge = [&](const std::string& text) {
    return refusal([&] { parse_edge(text, known); });
  };
  EXPECT_THAT(edge("label -> f : ce"), HasSubstr("it cannot learn"));
  EXPECT_THAT(edge("f -> each : mse reduction=sum gradient=stop"),
              HasSubstr("expected a criterion of features"));
  EXPECT_THAT(edge("f -> each : normalized gradient=stop tap=map teacher-tap=map"),
              HasSubstr("unknown property \"teacher-tap\""));
}

TEST(Plan, MembersHaveToBeThere) {
  DistillPlan plan;
  plan.nodes = {parse_node("both : mean-logits of=students")};
  plan.edges = {parse_edge("label -> each : ce")};
  PlanStep step;
  step.active = parse_widths("0.25 0.5 1");
  EXPECT_NO_THROW(plan.check_members(step));
  plan.edges.push_back(parse_edge("submodel:4 -> smallest : mse reduction=sum gradient=stop"));
  EXPECT_THAT(refusal([&] { plan.check_members(step); }),
              HasSubstr("submodel:4 of 3; expected 1 to 3"));
  plan.edges.pop_back();
  step.active = {Width()};
  EXPECT_THAT(refusal([&] { plan.check_members(step); }),
              HasSubstr("node \"both\" has no member among 1 sub-models"));
}

TEST(Plan, SubModelsNeedAWidthAndAnExit) {
  EXPECT_THROW(largest_first({}, 1), ProgrammingError);
  EXPECT_THROW(largest_first({Width()}, 0), ProgrammingError);
}

TEST(Plan, AnEnumeratorWithoutANameIsRefused) {
  PlanNode node;
  node.kind = static_cast<NodeKind>(99);
  EXPECT_THROW(node_text(node), ProgrammingError);
}

}  // namespace
}  // namespace concertina
