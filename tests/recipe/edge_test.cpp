#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/recipe/plan.h"
#include "concertina/recipe/preset.h"

#include "recipe/refusal.h"

namespace concertina {
namespace {

using testing::HasSubstr;

const char* const kFull =
    "next-larger -> each : kl weight=1 temperature=4 reduction=batchmean t-power=2 gradient=stop";

std::string refused(const std::string& text, const PlanNames& known = {}) {
  return refusal([&] { parse_edge(text, known); });
}

TEST(Edge, ReadsEveryProperty) {
  const Edge edge = parse_edge(
      "larger -> students : soft-ce gradient=through t-power=1 reduction=sum temperature=2.5 "
      "weight=0.3");
  EXPECT_EQ(edge.teacher.role, Role::larger);
  EXPECT_EQ(edge.student.role, Role::students);
  EXPECT_EQ(edge.criterion, Criterion::soft_ce);
  EXPECT_EQ(schedule_text(edge.weight), "0.3");
  EXPECT_EQ(schedule_text(edge.temperature), "2.5");
  EXPECT_EQ(edge.reduction, Reduction::sum);
  EXPECT_EQ(edge.t_power, 1);
  EXPECT_EQ(edge.gradient, GradientPolicy::through);
}

TEST(Edge, PrintsWhatItReads) {
  for (const std::string& text :
       {std::string(kFull), std::string("label -> each : ce weight=0.25"),
        std::string("full -> smallest : soft-ce weight=1 temperature=1 reduction=elementmean "
                    "t-power=0 gradient=through")}) {
    EXPECT_EQ(edge_text(parse_edge(text)), text);
  }
}

TEST(Edge, SpacesAroundMarksDoNotMatter) {
  EXPECT_EQ(edge_text(parse_edge("label->full:ce")), "label -> full : ce weight=1");
}

TEST(Edge, NamesTheUnknownWordAndTheNearest) {
  EXPECT_THAT(refused("labl -> each : ce"), HasSubstr("unknown teacher \"labl\"; did you mean "
                                                      "\"label\"?"));
  EXPECT_THAT(refused("label -> eahc : ce"), HasSubstr("did you mean \"each\"?"));
  EXPECT_THAT(refused("full -> each : kll"), HasSubstr("did you mean \"kl\"?"));
  EXPECT_THAT(refused("label -> each : ce weigth=1"), HasSubstr("did you mean \"weight\"?"));
  EXPECT_THAT(refused("full -> each : kl reduction=batchmeam t-power=2 gradient=stop"),
              HasSubstr("did you mean \"batchmean\"?"));
  EXPECT_THAT(refused("full -> each : kl reduction=sum t-power=3 gradient=stop"),
              HasSubstr("unknown t-power \"3\"; known: 0 1 2"));
  EXPECT_THAT(refused("full -> each : kl reduction=sum t-power=2 gradient=stopp"),
              HasSubstr("did you mean \"stop\"?"));
}

TEST(Edge, SaysWhichEdge) {
  EXPECT_THAT(refused(" nonsense "), HasSubstr("edge \"nonsense\": expected TEACHER -> STUDENT"));
  EXPECT_THAT(refused("label -> each"), HasSubstr("expected TEACHER"));
}

TEST(Edge, NothingThatChangesNumbersIsImplied) {
  EXPECT_THAT(refused("full -> each : kl t-power=2 gradient=stop"),
              HasSubstr("reduction is missing"));
  EXPECT_THAT(refused("full -> each : kl reduction=sum gradient=stop"),
              HasSubstr("t-power is missing"));
  EXPECT_THAT(refused("full -> each : soft-ce reduction=sum t-power=2"),
              HasSubstr("gradient is missing"));
}

TEST(Edge, TheLabelHasCriteriaOfItsOwn) {
  EXPECT_THAT(refused("label -> each : kl reduction=sum t-power=2 gradient=stop"),
              HasSubstr("the label teaches with ce or pair only"));
  EXPECT_THAT(refused("full -> each : ce"), HasSubstr("ce is for the label; expected soft-ce or"));
  EXPECT_THAT(refused("label -> each : ce t-power=2"), HasSubstr("unknown property \"t-power\""));
}

TEST(Edge, NoSubModelIsLargerThanTheFullOne) {
  EXPECT_THAT(refused("larger -> full : kl reduction=sum t-power=2 gradient=stop"),
              HasSubstr("no sub-model is larger than the full one"));
  EXPECT_THAT(refused("each -> full : ce"), HasSubstr("unknown teacher"));
  EXPECT_NO_THROW(parse_edge("peers -> full : kl reduction=sum t-power=2 gradient=stop"));
  EXPECT_THAT(refused("smallest -> smallest : mse reduction=sum gradient=stop"),
              HasSubstr("\"smallest\" would teach itself"));
}

TEST(Edge, ANodeHasNoLargerSubModel) {
  for (const std::string teacher : {"next-larger", "larger", "assistant", "peers"}) {
    const std::string text = teacher + " -> n : mse reduction=sum gradient=stop";
    EXPECT_THAT(refused(text, {{"n"}, {}, {}, {}, {}}),
                HasSubstr("a node has no peers and no larger sub-model"))
        << teacher;
  }
}

TEST(Edge, NoGradientGoesThroughAFrozenNode) {
  const std::string text = "n -> each : mse reduction=sum gradient=";
  const PlanNames frozen{{"n"}, {}, {}, {}, {}, {"n"}};
  EXPECT_THAT(refused(text + "through", frozen),
              HasSubstr("\"n\" is frozen; expected gradient=stop"));
  EXPECT_NO_THROW(parse_edge(text + "stop", frozen));
  EXPECT_NO_THROW(parse_edge(text + "through", {{"n"}, {}, {}, {}, {}}));
}

TEST(Edge, WholeNumbersAreWhole) {
  EXPECT_THAT(refused("larger -> each : mse reduction=sum gradient=stop drop=0.7"),
              HasSubstr("drop: expected a whole number from 0 to 1000, found \"0.7\""));
  EXPECT_THAT(refused("submodel:1.5 -> each : mse reduction=sum gradient=stop"),
              HasSubstr("submodel: expected a whole number from 1 to 10000"));
}

TEST(Edge, NumbersHaveRanges) {
  for (const std::string bad : {"nan", "inf", "x", "", "1x"}) {
    EXPECT_THAT(refused("label -> each : ce weight=" + bad),
                HasSubstr("weight: expected a number, linear(A,B)"))
        << bad;
  }
  for (const std::string bad : {"0", "-1", "1000001", "linear(1,-1)", "step(0,0@0.5)"}) {
    EXPECT_THAT(refused("label -> each : ce weight=" + bad), HasSubstr("weight: expected")) << bad;
  }
  for (const std::string bad : {"0", "-4", "linear(4,0)"}) {
    EXPECT_THAT(
        refused("full -> each : kl temperature=" + bad + " reduction=sum t-power=2 gradient=stop"),
        HasSubstr("temperature: expected more than 0"))
        << bad;
  }
  EXPECT_THAT(refused("label -> each : ce smoothing=1"),
              HasSubstr("smoothing: expected a number from 0 to 0.999, found \"1\""));
  EXPECT_THAT(refused("label -> each : ce weight"), HasSubstr("expected weight=VALUE"));
  EXPECT_THAT(refused("label -> each : ce weight=1 weight=1"), HasSubstr("weight is given twice"));
}

TEST(Edge, ValuesMayMove) {
  const std::string text =
      "full -> students : kl weight=linear(1,0) temperature=cosine(8,1,0,20e) reduction=sum "
      "t-power=2 gradient=stop";
  EXPECT_THAT(refused(text), HasSubstr("two rising turns of one kind"));
  const Edge edge = parse_edge(
      "full -> students : kl weight=ramp(2,80e) temperature=step(8,1@0.5) reduction=sum t-power=2 "
      "gradient=stop");
  EXPECT_EQ(edge.temperature.at({0, 0.4}), 8);
  EXPECT_EQ(edge.temperature.at({0, 0.5}), 1);
  EXPECT_EQ(edge.weight.at({80, 0}), 2);
}

TEST(Edge, NamesNodesAndSubModels) {
  const PlanNames nodes{{"teacher", "crowd"}, {"dark"}, {"late"}, {}, {}};
  const Edge edge = parse_edge("teacher -> submodel:2 : mse reduction=sum gradient=stop", nodes);
  EXPECT_EQ(edge.teacher.node, "teacher");
  EXPECT_EQ(edge.student.index, 2);
  EXPECT_THAT(
      refusal([&] { parse_edge("techer -> each : mse reduction=sum gradient=stop", nodes); }),
      HasSubstr("did you mean \"teacher\"?"));
  EXPECT_THAT(
      refusal([&] { parse_edge("crowd -> crowd : mse reduction=sum gradient=stop", nodes); }),
      HasSubstr("would teach itself"));
  EXPECT_THAT(refused("label -> submodel:0 : ce"),
              HasSubstr("submodel: expected a whole number from 1"));
}

TEST(Edge, FeaturesNeedATap) {
  const std::string hint = "full -> students : hint reduction=elementmean gradient=stop";
  EXPECT_THAT(refused(hint), HasSubstr("tap is missing"));
  EXPECT_THAT(refused(hint + " tap=a+b"), HasSubstr("expected one layer, found \"a+b\""));
  const Edge edge = parse_edge(hint + " tap=map adapter=conv1x1");
  EXPECT_EQ(edge.teacher_tap, "map");
  EXPECT_EQ(edge.adapter, Adapter::conv1x1);
  EXPECT_THAT(refused("full -> students : gram reduction=sum gradient=stop tap=map"),
              HasSubstr("expected two layers, A+B"));
  EXPECT_THAT(refused("full -> students : mse reduction=sum gradient=stop tap=map"),
              HasSubstr("unknown property \"tap\""));
}

TEST(Edge, SelectorsSayWhatTheMeanIsOver) {
  const std::string kl = "full -> students : kl reduction=batchmean t-power=2 gradient=stop";
  EXPECT_THAT(refused(kl + " select=teacher-right"), HasSubstr("over is missing"));
  EXPECT_THAT(refused(kl + " over=batch"), HasSubstr("over needs a selector"));
  EXPECT_THAT(refused(kl + " select=student-unsure over=batch"), HasSubstr("cutoff is missing"));
  EXPECT_THAT(refused(kl + " select=correction over=batch cutoff=1"), HasSubstr("cutoff is for"));
  EXPECT_EQ(parse_edge(kl + " select=teacher-confident cutoff=0.9 over=selected").cutoff, 0.9);
}

// Published settings (docs/methods.md, Normalization in public code), as the edges they are.
TEST(Edge, APresetStandsForAPublishedSetting) {
  const auto texts = [](const std::string& text, const PlanNames& nodes = {}) {
    std::vector<std::string> result;
    for (const Edge& edge : parse_edges(text, nodes)) result.push_back(edge_text(edge));
    return result;
  };
  EXPECT_THAT(
      texts("full -> students : us-nets"),
      testing::ElementsAre("label -> full : ce weight=1",
                           "full -> students : soft-ce weight=1 temperature=1 reduction=batchmean "
                           "t-power=0 gradient=stop"));
  EXPECT_THAT(
      texts("full -> each : takd share=0.7 temperature=10"),
      testing::ElementsAre("label -> full : ce weight=1", "label -> students : ce weight=0.3",
                           "full -> students : kl weight=0.7 temperature=10 reduction=elementmean "
                           "t-power=2 gradient=stop share=sum"));
  EXPECT_THAT(
      texts("teacher -> each : nonn", {{"teacher"}, {}, {}, {}, {}}),
      testing::ElementsAre("label -> each : ce weight=0.1",
                           "teacher -> each : kl weight=1.8 temperature=4 reduction=elementmean "
                           "t-power=2 gradient=stop"));
  EXPECT_THAT(
      texts("teacher -> each : okddip-classic share=0.5", {{"teacher"}, {}, {}, {}, {}}),
      testing::ElementsAre("label -> each : ce weight=0.5 temperature=3",
                           "teacher -> each : kl weight=0.5 temperature=3 reduction=batchmean "
                           "t-power=1 gradient=stop"));
  EXPECT_THAT(refused("full -> each : us-nets share=1"), HasSubstr("unknown property \"share\""));
  EXPECT_THAT(refused("label -> each : takd"), HasSubstr("takd needs a teacher"));
}

TEST(Edge, WhatIsGivenReplacesAPresetsOwn) {
  const auto edges = parse_edges("full -> students : ekd gradient=stop reduction=batchmean");
  EXPECT_EQ(edge_text(edges.back()),
            "full -> students : kl weight=0.6 temperature=10 temper=teacher reduction=batchmean "
            "t-power=2 gradient=stop share=sum");
  EXPECT_EQ(parse_edges("full -> students : ekd").back().gradient, GradientPolicy::through);
}

TEST(Edge, AlphaGivesItsTeacherNoGradient) {
  EXPECT_THAT(refused("full -> students : alpha reduction=batchmean t-power=0 gradient=through"),
              HasSubstr("alpha gives its teacher none; expected gradient=stop"));
}

TEST(Edge, EveryPresetPrintsAsItReads) {
  for (const Preset& preset : presets()) {
    for (const Edge& edge : parse_edges(std::string("teacher -> each : ") + preset.name,
                                        {{"teacher"}, {}, {}, {}, {}})) {
      EXPECT_EQ(edge_text(parse_edge(edge_text(edge), {{"teacher"}, {}, {}, {}, {}})),
                edge_text(edge));
    }
  }
}

}  // namespace
}  // namespace concertina
