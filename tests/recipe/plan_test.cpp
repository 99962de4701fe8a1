#include "concertina/recipe/plan.h"

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

DistillPlan label_and(const std::string& teacher_and_student) {
  return plan({"label -> each : ce", teacher_and_student + " : kl" + kSoft});
}

std::string text(const Subnet& subnet) {
  return subnet.width.text() + "/" + std::to_string(subnet.exit);
}

// "0.5/1<1/1" for a teacher's link, "1/1<Y" for the label's; the weight follows unless it is 1.
std::vector<std::string> texts(const std::vector<Link>& links, int edge = -1) {
  std::vector<std::string> out;
  for (const Link& link : links) {
    if (edge >= 0 && link.edge != edge) continue;
    const std::string weight = link.weight == 1 ? "" : "*" + format_fixed(link.weight, 3);
    out.push_back(text(link.student) + "<" + (link.from_label ? "Y" : text(link.teacher)) + weight);
  }
  return out;
}

TEST(Plan, ChainOverWidths) {
  const auto links = label_and("next-larger -> each").links(widths({250, 500, 750, 1000}), 1);
  EXPECT_THAT(texts(links), ElementsAre("1/1<Y", "0.75/1<Y", "0.75/1<1/1", "0.5/1<Y",
                                        "0.5/1<0.75/1", "0.25/1<Y", "0.25/1<0.5/1"));
}

TEST(Plan, ChainOverExits) {
  const auto links = label_and("next-larger -> each").links(widths({1000}), 7);
  EXPECT_THAT(texts(links, 1),
              ElementsAre("1/6<1/7", "1/5<1/6", "1/4<1/5", "1/3<1/4", "1/2<1/3", "1/1<1/2"));
  EXPECT_EQ(texts(links, 0).size(), 7U);
}

TEST(Plan, ChainOverWidthsAndExits) {
  const auto links = label_and("next-larger -> each").links(widths({500, 1000}), 3);
  EXPECT_THAT(texts(links, 1),
              ElementsAre("1/2<1/3", "1/1<1/2", "0.5/3<1/3", "0.5/2<0.5/3", "0.5/1<0.5/2"));
}

TEST(Plan, FullTeachesFromTheWidestAndLastExit) {
  const auto links = label_and("full -> students").links(widths({500, 1000}), 3);
  EXPECT_THAT(texts(links, 1),
              ElementsAre("1/2<1/3", "1/1<1/3", "0.5/3<1/3", "0.5/2<1/3", "0.5/1<1/3"));
}

TEST(Plan, LargerFollowsTheChainAndSharesTheWeight) {
  const auto links = label_and("larger -> each").links(widths({500, 750, 1000}), 2);
  EXPECT_THAT(texts(links, 1),
              ElementsAre("1/1<1/2", "0.75/2<1/2", "0.75/1<0.75/2*0.500", "0.75/1<1/2*0.500",
                          "0.5/2<0.75/2*0.500", "0.5/2<1/2*0.500", "0.5/1<0.5/2*0.333",
                          "0.5/1<0.75/2*0.333", "0.5/1<1/2*0.333"));
}

TEST(Plan, LargerWeightsSumToTheEdgesWeight) {
  auto dense = label_and("larger -> each");
  dense.edges[1].weight = 0.7;
  std::map<Subnet, double> sums;
  for (const Link& link : dense.links(widths({250, 500, 750, 1000}), 3)) {
    if (link.edge == 1) sums[link.student] += link.weight;
  }
  EXPECT_EQ(sums.size(), 11U);
  for (const auto& [student, sum] : sums) EXPECT_NEAR(sum, 0.7, 1e-12) << text(student);
}

TEST(Plan, NextLargerIsAmongTheWidthsOfTheStep) {
  const auto links = plan({"label -> full : ce", "next-larger -> students : kl" + kSoft})
                         .links(widths({1000, 250, 613, 402}), 1);
  EXPECT_THAT(texts(links),
              ElementsAre("1/1<Y", "0.613/1<1/1", "0.402/1<0.613/1", "0.25/1<0.402/1"));
}

TEST(Plan, SmallestIsTheNarrowestAtTheFirstExit) {
  const auto links = label_and("full -> smallest").links(widths({500, 1000}), 2);
  EXPECT_THAT(texts(links, 1), ElementsAre("0.5/1<1/2"));
}

TEST(Plan, WithoutALargerOneTheLabelTeaches) {
  const auto chain = plan({"next-larger -> each : kl" + kSoft});
  EXPECT_THAT(texts(chain.links(widths({500, 1000}), 1)), ElementsAre("1/1<Y", "0.5/1<1/1"));
  EXPECT_THAT(texts(chain.links(widths({500}), 1)), ElementsAre("0.5/1<Y"));
}

TEST(Plan, AFallBackCountsUnderTheLabelsEdge) {
  auto both = plan({"next-larger -> each : kl" + kSoft, "label -> smallest : ce weight=0.5"});
  const auto links = both.links(widths({500, 1000}), 1);
  EXPECT_THAT(texts(links), ElementsAre("1/1<Y", "0.5/1<1/1", "0.5/1<Y*0.500"));
  EXPECT_EQ(links[0].edge, 1);
}

TEST(Plan, RefusesAFullSubModelWithoutALabel) {
  const auto without = plan({"label -> students : ce", "full -> students : kl" + kSoft});
  EXPECT_THAT(refusal([&] {
                without.links(widths({500, 1000}), 1);
              }),
              HasSubstr("the full sub-model learns from nothing"));
  EXPECT_THAT(refusal([&] { plan({}).links(widths({1000}), 1); }), HasSubstr("full sub-model"));
}

TEST(Plan, NamesTheLargestSubModelThatNobodyTeaches) {
  const DistillPlan ends = plan({"label -> full : ce", "label -> smallest : ce"});
  const auto found = ends.untaught(widths({250, 500, 1000}), 2);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(text(*found), "1/1");
  EXPECT_FALSE(ends.untaught(widths({500, 1000}), 1).has_value());
  EXPECT_FALSE(plan({"label -> each : ce"}).untaught(widths({250, 500, 1000}), 3).has_value());
}

TEST(Plan, OrderAndRepeatsOfTheWidthsDoNotMatter) {
  const auto dense = label_and("larger -> each");
  EXPECT_EQ(texts(dense.links(widths({1000, 250, 500}), 2)),
            texts(dense.links(widths({250, 500, 1000, 500}), 2)));
}

// A teacher's own links are all done before its students', so one pass from the front can walk the
// plan; with `stop` edges that also means that no circle is left.
TEST(Plan, TeachersComeBeforeTheirStudents) {
  const auto all = plan({"label -> each : ce", "next-larger -> each : kl" + kSoft,
                         "larger -> each : kl" + kSoft, "full -> students : kl" + kSoft});
  for (const int exits : {1, 2, 3, 7}) {
    const auto links = all.links(widths({250, 402, 500, 750, 1000}), exits);
    std::vector<Subnet> walked;
    for (const Link& link : links) {
      if (walked.empty() || walked.back() != link.student) walked.push_back(link.student);
      const bool known =
          std::find(walked.begin(), walked.end() - 1, link.teacher) != walked.end() - 1;
      EXPECT_TRUE(link.from_label || known) << text(link.student) << "<" << text(link.teacher);
    }
    EXPECT_EQ(walked.size(), 5U * static_cast<std::size_t>(exits));
  }
}

}  // namespace
}  // namespace concertina
