#include "concertina/distill/register_loss.h"

#include <ATen/Functions.h>
#include <gmock/gmock.h>

#include "concertina/core/error.h"

#include "distill/samples.h"

namespace concertina {
namespace {

using testing::HasSubstr;

CriterionEntry entry(const char* name, bool reduced = true) {
  return {name, {}, Compares::logits, false, false, reduced, "a test's", {{"power", 2, 1, 4}}};
}

// |z_teacher - z_student|^power of each image.
at::Tensor distances(const Edge& edge, double, const LossInputs& in) {
  return at::sum(at::pow(at::abs(at::sub(in.teacher, in.student)), edge.number("power")), {1});
}

TEST(RegisterLoss, IsNamedByEdgesAndReducedAsTheySay) {
  register_loss(entry("distance"), distances);
  const at::Tensor t = random_numbers({5, 7}, 1);
  const at::Tensor s = random_numbers({5, 7}, 2);
  const LossInputs inputs{at::zeros({5}, at::kLong), t, s, {}, {}};
  const Edge mean =
      parse_edge("full -> each : distance weight=1 reduction=batchmean gradient=stop power=2");
  EXPECT_TRUE(close(edge_loss(mean, 1, inputs), at::sum(at::pow(t - s, 2)) / 5, 1e-6));
  EXPECT_EQ(parse_edge(edge_text(mean)).criterion, mean.criterion);
  const Edge sum = parse_edge("full -> each : distance weight=1 reduction=sum gradient=stop");
  EXPECT_TRUE(close(edge_loss(sum, 1, inputs), at::sum(at::pow(t - s, 2)), 1e-6));
}

TEST(RegisterLoss, MayBeOfTheWholeBatch) {
  register_loss(entry("batch-distance", false), [](const Edge&, double, const LossInputs& in) {
    return at::max(at::abs(at::sub(in.teacher, in.student)));
  });
  const at::Tensor t = random_numbers({5, 7}, 1);
  const at::Tensor s = random_numbers({5, 7}, 2);
  const Edge edge = parse_edge("full -> each : batch-distance weight=1 gradient=stop");
  const at::Tensor loss = edge_loss(edge, 1, {at::zeros({5}, at::kLong), t, s, {}, {}});
  EXPECT_TRUE(close(loss, at::max(at::abs(t - s)), 1e-6));
}

TEST(RegisterLoss, RefusesWhatCannotBeNamed) {
  EXPECT_THROW(register_loss(entry("kl"), distances), UsageError);
  EXPECT_THROW(register_loss(entry("Two Words"), distances), UsageError);
  EXPECT_THROW(register_loss(entry("empty"), {}), UsageError);
}

}  // namespace
}  // namespace concertina
