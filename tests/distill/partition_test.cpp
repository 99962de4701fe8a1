#include "concertina/distill/partition.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/Functions.h>
#include <gmock/gmock.h>

#include "concertina/core/error.h"

#include "louvain.h"

namespace concertina {
namespace {

using testing::ElementsAre;
using Parts = std::vector<std::vector<int>>;

std::string refusal(const std::function<void()>& call, ErrorKind kind) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "nothing was thrown";
}

std::size_t index(int node) { return static_cast<std::size_t>(node); }

template <typename Links>
Graph graph_of(int nodes, const Links& terms) {
  Graph graph(nodes);
  for (const auto& [a, b] : terms) graph.at(a, b) = graph.at(b, a) = 1;
  return graph;
}

// Triangles in a ring, each linked to the next one by one term.
Graph ring_of_triangles(int count) {
  std::vector<std::array<int, 2>> terms;
  for (int k = 0; k < count; ++k) {
    const int a = 3 * k;
    terms.insert(terms.end(), {{a, a + 1}, {a, a + 2}, {a + 1, a + 2}});
    terms.push_back({a + 2, (a + 3) % (3 * count)});
  }
  return graph_of(3 * count, terms);
}

TEST(Louvain, FindsTriangles) {
  EXPECT_THAT(louvain(ring_of_triangles(4), 1), ElementsAre(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3));
}

// Modularity alone joins neighbors of a long ring (Fortunato and Barthelemy 2007): 30 triangles
// give pairs or more; a smaller time gives the triangles back, and a smaller one still, single
// nodes.
TEST(Louvain, ASmallerResolutionGivesMoreCommunities) {
  const Graph ring = ring_of_triangles(30);
  const auto count = [&](double resolution) {
    const std::vector<int> found = louvain(ring, resolution);
    return *std::max_element(found.begin(), found.end()) + 1;
  };
  EXPECT_LT(count(1), 30);
  EXPECT_EQ(count(0.2), 30);
  EXPECT_EQ(count(0.01), 90);
}

// Zachary's karate club (1977), who met whom. python-louvain 0.15 finds 0.4188, too; 0.4198 is the
// best there is (Brandes et al. 2008).
constexpr std::array<int, 2> kKarateClub[] = {
    {0, 1},   {0, 2},   {0, 3},   {0, 4},   {0, 5},   {0, 6},   {0, 7},   {0, 8},   {0, 10},
    {0, 11},  {0, 12},  {0, 13},  {0, 17},  {0, 19},  {0, 21},  {0, 31},  {1, 2},   {1, 3},
    {1, 7},   {1, 13},  {1, 17},  {1, 19},  {1, 21},  {1, 30},  {2, 3},   {2, 7},   {2, 8},
    {2, 9},   {2, 13},  {2, 27},  {2, 28},  {2, 32},  {3, 7},   {3, 12},  {3, 13},  {4, 6},
    {4, 10},  {5, 6},   {5, 10},  {5, 16},  {6, 16},  {8, 30},  {8, 32},  {8, 33},  {9, 33},
    {13, 33}, {14, 32}, {14, 33}, {15, 32}, {15, 33}, {18, 32}, {18, 33}, {19, 33}, {20, 32},
    {20, 33}, {22, 32}, {22, 33}, {23, 25}, {23, 27}, {23, 29}, {23, 32}, {23, 33}, {24, 25},
    {24, 27}, {24, 31}, {25, 31}, {26, 29}, {26, 33}, {27, 33}, {28, 31}, {28, 33}, {29, 32},
    {29, 33}, {30, 32}, {30, 33}, {31, 32}, {31, 33}, {32, 33}};

TEST(Louvain, FindsTheKnownModularityOfTheKarateClub) {
  const std::vector<int> found = louvain(graph_of(34, kKarateClub), 1);
  std::array<double, 34> degree{};
  double modularity = 0;
  for (const auto& [a, b] : kKarateClub) {
    for (const int node : {a, b}) degree.at(index(found[index(node)])) += 1;
    if (found[index(a)] == found[index(b)]) modularity += 1 / 78.0;
  }
  for (const double one : degree) modularity -= one * one / (156.0 * 156.0);
  EXPECT_NEAR(modularity, 0.4188, 5e-5);
}

TEST(Louvain, NodesWithoutLinksStayAlone) {
  EXPECT_THAT(louvain(graph_of(5, std::vector<std::array<int, 2>>{{1, 3}}), 1),
              ElementsAre(0, 1, 2, 1, 3));
  EXPECT_THAT(louvain(Graph(3), 1), ElementsAre(0, 1, 2));
  EXPECT_THAT(louvain(Graph(0), 1), ElementsAre());
}

// Every two filters of a group are active in two images, at 1 and a half: all terms have the same
// weight. Further images term the groups, and the last two filters, too weakly to count.
at::Tensor grouped_activity(int filters, const Parts& groups) {
  std::vector<at::Tensor> images;
  const auto image = [&](int most, int less, double activity) {
    images.push_back(at::zeros({filters}, at::kDouble));
    images.back()[most].fill_(1);
    images.back()[less].fill_(activity);
  };
  for (const std::vector<int>& group : groups) {
    for (const int a : group) {
      for (const int b : group) {
        if (a != b) image(a, b, 0.5);
      }
    }
    if (group != groups.front()) image(group.front(), groups.front().front(), 0.25);
  }
  image(filters - 1, filters - 2, 0.25);
  return at::stack(images);
}

const Parts kGroups = {{0, 5, 9}, {1, 2, 3}, {4, 6}};

TEST(Communities, AreThePartsAndTheLargestIsLeftOut) {
  EXPECT_EQ(partition_communities(grouped_activity(13, kGroups), 3), kGroups);
}

// The released code merges communities of the same size into one.
TEST(Communities, OfTheSameSizeStayApart) {
  const at::Tensor activity = grouped_activity(13, {{0, 5, 9}, {1, 2, 3}});
  EXPECT_EQ(partition_communities(activity, 2), (Parts{{0, 5, 9}, {1, 2, 3}}));
}

// The largest is that of the filters without a term, then the first group.
TEST(Communities, WhatIsLeftGoesToTheSmallestPart) {
  const at::Tensor few = grouped_activity(18, {{0, 5, 9, 14}, {1, 2, 3}, {4, 6}, {8, 15}});
  EXPECT_EQ(partition_communities(few, 2), (Parts{{0, 5, 8, 9, 14, 15}, {1, 2, 3, 4, 6}}));
  const at::Tensor all = grouped_activity(13, {{0, 5, 9, 10}, {1, 2, 3}, {4, 6}, {7, 8}});
  EXPECT_EQ(partition_communities(all, 2), (Parts{{1, 2, 3, 11, 12}, {4, 6, 7, 8}}));
}

// Scaling an image, or activity below zero, changes nothing; neither does another call.
TEST(Communities, DependOnTheSharesOfAnImage) {
  const at::Tensor activity = grouped_activity(13, kGroups);
  at::Tensor other = activity.mul(at::arange(1, activity.size(0) + 1).unsqueeze(1));
  other = at::where(at::eq(other, 0), at::full_like(other, -3), other);
  EXPECT_EQ(partition_communities(other, 3), kGroups);
  EXPECT_EQ(partition_communities(activity.to(at::kFloat), 3), kGroups);
}

// 50 filters are fully active; the other two are linked to them, and would be to each other, but
// for the limit to the 50 most active filters of an image.
TEST(Communities, OnlyTheMostActiveFiltersAreLinked) {
  const at::Tensor activity = at::ones({3, 52}, at::kDouble);
  activity.slice(1, 50, 51).fill_(0.5);
  activity.slice(1, 51, 52).fill_(0.25);
  EXPECT_EQ(
      refusal([&] { partition_communities(activity, 1); }, ErrorKind::usage),
      "partition of filters: communities found: 1; expected at least 2, one for each part and "
      "the largest, which is left out");
}

TEST(Communities, ASilentTeacherIsRefused) {
  const auto call = [] { partition_communities(at::zeros({4, 8}), 2); };
  EXPECT_THAT(refusal(call, ErrorKind::usage),
              testing::HasSubstr("communities found: 1; expected"));
}

// Block k of `blocks`: filters k, k + blocks ...; each image has one block active, and the others a
// little.
at::Tensor block_activity(int filters, int blocks, double elsewhere) {
  const at::Tensor activity = at::full({blocks, filters}, elsewhere, at::kDouble);
  for (int k = 0; k < blocks; ++k) activity[k].slice(0, k, filters, blocks).fill_(1);
  return activity;
}

TEST(Bisection, KeepsBlocksTogether) {
  const Parts blocks = {{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}};
  // In the second case the blocks have no term at all, and every cut between them is as good.
  for (const double elsewhere : {0.1, 0.0}) {
    Parts four = partition_bisection(block_activity(16, 4, elsewhere), 4);
    std::sort(four.begin(), four.end());
    EXPECT_EQ(four, blocks) << elsewhere;
  }
  Parts two = partition_bisection(block_activity(10, 2, 0.2), 2);
  std::sort(two.begin(), two.end());
  EXPECT_EQ(two, (Parts{{0, 2, 4, 6, 8}, {1, 3, 5, 7, 9}}));
}

TEST(Bisection, GivesEveryFilterToOneOfEqualParts) {
  at::manual_seed(1);
  const at::Tensor activity = at::rand({40, 23});
  for (const int parts : {1, 2, 3, 7, 23}) {
    const Parts found = partition_bisection(activity, parts);
    std::vector<int> all;
    for (int part = 0; part < parts; ++part) {
      const std::vector<int>& one = found[index(part)];
      EXPECT_EQ(static_cast<int>(one.size()), 23 / parts + (part < 23 % parts ? 1 : 0));
      EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
      all.insert(all.end(), one.begin(), one.end());
    }
    std::sort(all.begin(), all.end());
    for (int filter = 0; filter < 23; ++filter) EXPECT_EQ(all[index(filter)], filter);
    EXPECT_EQ(partition_bisection(activity, parts), found);
  }
}

// Nothing says which filters belong together.
TEST(Bisection, EqualFiltersAreCutInOrder) {
  for (const at::Tensor& activity : {at::zeros({2, 5}), at::ones({2, 5})}) {
    EXPECT_EQ(partition_bisection(activity, 2), (Parts{{0, 1, 2}, {3, 4}}));
  }
}

TEST(Partition, RefusesTooManyPartsAndNumbersThatAreNone) {
  const at::Tensor activity = at::ones({2, 4});
  for (const int parts : {0, 5}) {
    const std::string expected = "partition of filters: " + std::to_string(parts) +
                                 " parts; expected 1 to 4, the filters of the map";
    EXPECT_EQ(refusal([&] { partition_bisection(activity, parts); }, ErrorKind::usage), expected);
    EXPECT_EQ(refusal([&] { partition_communities(activity, parts); }, ErrorKind::usage), expected);
  }
  activity[1][2].fill_(std::nan(""));
  EXPECT_EQ(refusal([&] { partition_bisection(activity, 2); }, ErrorKind::bad_data),
            "partition of filters: the activity of filter 2 for image 1 is not finite; expected a "
            "teacher whose outputs are numbers");
}

// A teacher whose map has six filters: 0, 2 and 4 see an image of label 0, the others one of
// label 1.
class SixFilters : public Teacher {
 public:
  Output answer(const at::Tensor& images, const std::vector<std::string>& taps) override {
    const at::Tensor bright = at::gt(at::mean(images, {1, 2, 3}), 0).to(at::kFloat).unsqueeze(1);
    const at::Tensor even = at::tensor({1, 0, 1, 0, 1, 0}).to(at::kFloat);
    const at::Tensor seen =
        at::add(at::mul(bright, even), at::mul(at::rsub(bright, 1), at::rsub(even, 1)));
    return {at::zeros({images.size(0), 2}), {{taps.front(), seen.reshape({-1, 6, 1, 1})}}};
  }
  TapShape shape_of(const std::string&) const override { return {6, 1, 1}; }
  int classes() const override { return 2; }
};

DistillPlan filters_plan(const std::string& properties) {
  DistillPlan plan;
  plan.nodes.push_back(parse_node("teacher : external", plan.names()));
  plan.nodes.push_back(
      parse_node("p : filters of=teacher tap=map by=bisection " + properties, plan.names()));
  return plan;
}

Parts chosen(const std::string& properties) {
  DistillPlan plan = filters_plan(properties);
  const at::Tensor images = at::cat({at::ones({300, 1, 2, 2}), at::neg(at::ones({300, 1, 2, 2}))});
  choose_filters(plan, {{"teacher", std::make_shared<SixFilters>()}}, images);
  return plan.nodes.back().channels;
}

TEST(Filters, AreChosenByWhatTheTeacherDoes) {
  const Parts all = chosen("parts=2");
  ASSERT_EQ(all.size(), 2U);
  const Parts either = {{0, 2, 4}, {1, 3, 5}};
  EXPECT_TRUE(all == either || all == (Parts{either[1], either[0]}));
  EXPECT_EQ(chosen("parts=2 part=1"), Parts{all[0]});
  EXPECT_EQ(chosen("parts=2 part=2"), Parts{all[1]});
}

TEST(Filters, ThatAreGivenStay) {
  EXPECT_EQ(chosen("parts=2 channels=5,1+0"), (Parts{{5, 1}, {0}}));
  const std::string refused = refusal([] { chosen("parts=1 channels=6"); }, ErrorKind::usage);
  EXPECT_EQ(refused, "node \"p\": channel 6 of a map of 6; expected 0 to 5");
}

}  // namespace
}  // namespace concertina
