#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/recipe/plan.h"

#include "recipe/refusal.h"

namespace concertina {
namespace {

using testing::HasSubstr;

const char* const kFull =
    "next-larger -> each : kl weight=1 temperature=4 reduction=batchmean t-power=2 gradient=stop";

std::string refused(const std::string& text) {
  return refusal([&] { parse_edge(text); });
}

TEST(Edge, ReadsEveryProperty) {
  const Edge edge = parse_edge(
      "larger -> students : soft-ce gradient=through t-power=1 reduction=sum temperature=2.5 "
      "weight=0.3");
  EXPECT_EQ(edge.teacher, Role::larger);
  EXPECT_EQ(edge.student, Role::students);
  EXPECT_EQ(edge.criterion, Criterion::soft_ce);
  EXPECT_EQ(edge.weight, 0.3);
  EXPECT_EQ(edge.temperature, 2.5);
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

TEST(Edge, LabelsTeachWithCrossEntropyOnly) {
  EXPECT_THAT(refused("label -> each : kl reduction=sum t-power=2 gradient=stop"),
              HasSubstr("with ce only"));
  EXPECT_THAT(refused("full -> each : ce"), HasSubstr("expected kl or soft-ce"));
  EXPECT_THAT(refused("label -> each : ce temperature=4"), HasSubstr("found temperature"));
}

TEST(Edge, NothingButTheLabelTeachesTheFullSubModel) {
  EXPECT_THAT(refused("larger -> full : kl reduction=sum t-power=2 gradient=stop"),
              HasSubstr("learns from the label only"));
  EXPECT_THAT(refused("each -> full : ce"), HasSubstr("unknown teacher"));
}

TEST(Edge, NumbersHaveRanges) {
  for (const std::string bad : {"0", "-1", "1001", "nan", "inf", "x", "", "1x"}) {
    EXPECT_THAT(refused("label -> each : ce weight=" + bad),
                HasSubstr("weight: expected a number above 0 and at most 1000, found \"" + bad))
        << bad;
  }
  EXPECT_THAT(refused("full -> each : kl temperature=0 reduction=sum t-power=2 gradient=stop"),
              HasSubstr("temperature: expected"));
  EXPECT_THAT(refused("label -> each : ce weight"), HasSubstr("expected weight=VALUE"));
  EXPECT_THAT(refused("label -> each : ce weight=1 weight=1"), HasSubstr("weight is given twice"));
}

}  // namespace
}  // namespace concertina
