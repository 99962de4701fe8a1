// Golden numbers (tests/golden/golden.py), and the formulas of docs/methods.md in plain LibTorch.
#include "concertina/distill/feature_losses.h"

#include <limits>

#include "distill/samples.h"
#include "golden/golden.h"

namespace concertina {
namespace {

using Loss = at::Tensor (*)(const at::Tensor&, const at::Tensor&);
constexpr Loss kPktLosses[] = {pkt_loss, pkt_cosine_loss, pkt_student_t_loss, pkt_combined_loss};

void expect_slopes(const Loss& loss, const at::Tensor& teacher, const at::Tensor& student) {
  const at::Tensor weights = random_numbers({student.size(0)}, 20);
  const auto scalar = [&](const at::Tensor& value) {
    return value.dim() == 0 ? value : (value * weights).sum();
  };
  EXPECT_TRUE(has_its_slopes([&](auto& x) { return scalar(loss(teacher, x)); }, student));
  EXPECT_TRUE(has_its_slopes([&](auto& x) { return scalar(loss(x, student)); }, teacher));
}

void expect_finite(const ScalarLoss& loss, const at::Tensor& point) {
  EXPECT_TRUE(at::isfinite(loss(point)).all().item<bool>());
  const auto sum = [&](const at::Tensor& x) { return loss(x).sum(); };
  EXPECT_TRUE(at::isfinite(gradient_of(sum, point)).all().item<bool>());
}

TEST(Pkt, IsGolden) {
  const at::Tensor t = golden_tensor(golden::kTeacherFeatures);
  const at::Tensor s = golden_tensor(golden::kStudentFeatures);
  EXPECT_NEAR(pkt_loss(t, s).item<double>(), golden::kPkt, kDigits);
  EXPECT_NEAR(pkt_cosine_loss(t, s).item<double>(), golden::kPktCosine, kDigits);
  EXPECT_NEAR(pkt_student_t_loss(t, s).item<double>(), golden::kPktStudentT, kDigits);
  EXPECT_NEAR(pkt_combined_loss(t, s).item<double>(), golden::kPktCombined, kDigits);
}

at::Tensor plain_cosine(const at::Tensor& f, double eps) {
  const at::Tensor unit = f / (f.square().sum(1, true).sqrt() + eps);
  const at::Tensor s = (unit.mm(unit.t()) + 1) / 2;
  return s / s.sum(1, true);
}
at::Tensor plain_student_t(const at::Tensor& f) {
  const at::Tensor s = 1 / (1 + ((f.unsqueeze(0) - f.unsqueeze(1)).square().sum(2) + 1e-6).sqrt());
  return s / s.sum(1, true);
}
at::Tensor plain_jeffreys(const at::Tensor& p, const at::Tensor& q) {
  return ((p - q) * (p.log() - q.log())).mean();
}

TEST(Pkt, EqualsThePlainFormula) {
  const at::Tensor t = random_numbers({8, 5}, 1);
  const at::Tensor s = random_numbers({8, 3}, 2);
  const at::Tensor p = plain_cosine(t, 1e-7);
  const at::Tensor q = plain_cosine(s, 1e-7);
  EXPECT_TRUE(close(pkt_loss(t, s), (p * ((p + 1e-7) / (q + 1e-7)).log()).mean(), 1e-9));
  const at::Tensor cosine = plain_jeffreys(plain_cosine(t, 1e-6), plain_cosine(s, 1e-6));
  const at::Tensor student_t = plain_jeffreys(plain_student_t(t), plain_student_t(s));
  EXPECT_TRUE(close(pkt_cosine_loss(t, s), cosine, 1e-9));
  EXPECT_TRUE(close(pkt_student_t_loss(t, s), student_t, 1e-9));
  EXPECT_TRUE(close(pkt_combined_loss(t, s), cosine + student_t, 1e-9));
}

TEST(Pkt, GradientsAreSlopes) {
  const at::Tensor t = random_numbers({4, 3}, 3);
  const at::Tensor s = random_numbers({4, 2}, 4);
  for (const Loss& loss : kPktLosses) expect_slopes(loss, t, s);
}

TEST(Pkt, IsZeroForTheSameFeaturesAndForOneImage) {
  const at::Tensor f = random_numbers({4, 3}, 5);
  for (const Loss& loss : kPktLosses) {
    EXPECT_EQ(loss(f, f).item<double>(), 0);
    EXPECT_EQ(loss(f.slice(0, 0, 1), f.slice(0, 1, 2)).item<double>(), 0);
    expect_finite([&](auto& x) { return loss(f.slice(0, 0, 1), x); }, f.slice(0, 1, 2));
  }
}

// Row 1 holds a number that is none; the loss is that of zeros there, and the others still learn.
TEST(Pkt, FeaturesThatAreNotFiniteCountAsZeros) {
  const at::Tensor t = random_numbers({4, 3}, 6);
  for (const double broken : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    const at::Tensor s = random_numbers({4, 3}, 7);
    const at::Tensor zeros = s.clone();
    s[1][2].fill_(broken);
    zeros[1].zero_();
    for (const Loss& loss : kPktLosses) {
      EXPECT_TRUE(same_bytes(loss(t, s), loss(t, zeros)));
      EXPECT_TRUE(same_bytes(loss(s, t), loss(zeros, t)));
      const at::Tensor gradient = gradient_of([&](auto& x) { return loss(t, x); }, s);
      EXPECT_TRUE(at::isfinite(gradient).all().item<bool>());
      EXPECT_EQ(gradient[1].abs().max().item<double>(), 0);
      EXPECT_GT(gradient[0].abs().max().item<double>(), 0);
    }
  }
}

// Zeros, the same vector twice, opposite vectors, and large ones, in float32.
TEST(Pkt, ExtremeFeaturesGiveFiniteNumbers) {
  const at::Tensor s =
      at::tensor({0.0, 0.0, 1e4, 0.0, -1e4, 0.0, 1e4, 0.0, 3e-6, 2e4}, at::kFloat).view({5, 2});
  const at::Tensor t = random_numbers({5, 3}, 8).to(at::kFloat);
  for (const Loss& loss : kPktLosses) {
    expect_finite([&](auto& x) { return loss(t, x); }, s);
    expect_finite([&](auto& x) { return loss(x, t); }, s);
  }
}

TEST(Gram, IsGolden) {
  const auto map = [](const at::Tensor& maps, int which) {
    return maps[which].view({1, 2, 1, 2});  // two channels, two places beside each other
  };
  const at::Tensor t = golden_tensor(golden::kTeacherMaps);
  const at::Tensor s = golden_tensor(golden::kStudentMaps);
  const at::Tensor terms = gram_terms(map(t, 0), map(t, 1), map(s, 0), map(s, 1));
  EXPECT_EQ(terms.sizes(), at::IntArrayRef({1}));
  EXPECT_NEAR(terms.item<double>(), golden::kGram, kDigits);
}

TEST(Gram, EqualsThePlainFormula) {
  const at::Tensor ta = random_numbers({3, 4, 8, 8}, 9);
  const at::Tensor tb = random_numbers({3, 5, 4, 4}, 10);
  const at::Tensor sa = random_numbers({3, 4, 4, 2}, 11);
  const at::Tensor sb = random_numbers({3, 5, 2, 4}, 12);
  const auto plain = [](const at::Tensor& a, const at::Tensor& b, double places) {
    return at::einsum("bchw,bdhw->bcd", {a, b}) / places;
  };
  const at::Tensor g_t = plain(at::avg_pool2d(ta, 2), tb, 16);
  const at::Tensor g_s = plain(at::avg_pool2d(sa, {2, 1}), at::avg_pool2d(sb, {1, 2}), 4);
  EXPECT_TRUE(close(gram_terms(ta, tb, sa, sb), (g_t - g_s).square().sum({1, 2}), 1e-12));
}

TEST(Gram, GradientsAreSlopes) {
  const at::Tensor b = random_numbers({2, 2, 1, 1}, 13);
  const Loss loss = [](const at::Tensor& teacher, const at::Tensor& student) {
    const at::Tensor other = at::ones({2, 1, 1, 1}, at::kDouble);
    return gram_terms(teacher, other, student, other) + gram_terms(other, teacher, other, student);
  };
  expect_slopes(loss, random_numbers({2, 2, 2, 2}, 14), random_numbers({2, 2, 2, 2}, 15));
}

TEST(NormalizedMse, IsGolden) {
  const at::Tensor t = golden_tensor(golden::kTeacher);
  const at::Tensor s = golden_tensor(golden::kStudent);
  EXPECT_NEAR(normalized_mse_loss(t, s).item<double>(), golden::kNormalizedMse, kDigits);
}

TEST(NormalizedMse, EqualsThePlainFormulaAndItsSlopes) {
  const at::Tensor t = random_numbers({3, 2, 4, 4}, 16);
  const at::Tensor s = random_numbers({3, 2, 2, 2}, 17);
  const auto unit = [](const at::Tensor& map) {
    return map.flatten(1) / map.square().sum({1, 2, 3}).sqrt().unsqueeze(1);
  };
  const at::Tensor plain = (unit(at::avg_pool2d(t, 2)) - unit(s)).square().mean();
  EXPECT_TRUE(close(normalized_mse_loss(t, s), plain, 1e-12));
  expect_slopes(normalized_mse_loss, t, s);
}

TEST(NormalizedMse, AMapOfZerosIsFinite) {
  const at::Tensor t = random_numbers({2, 1, 2, 2}, 18).to(at::kFloat);
  expect_finite([&](auto& x) { return normalized_mse_loss(t, x); }, at::zeros({2, 1, 2, 2}));
  expect_finite([&](auto& x) { return normalized_mse_loss(t, x); }, at::full({2, 1, 2, 2}, 1e4));
}

TEST(Hint, EqualsThePlainFormulaAndItsSlopes) {
  const at::Tensor t = random_numbers({3, 2, 4, 2}, 21);
  const at::Tensor s = random_numbers({3, 2, 2, 4}, 22);
  const at::Tensor difference = at::avg_pool2d(t, {2, 1}) - at::avg_pool2d(s, {1, 2});
  EXPECT_TRUE(close(hint_terms(t, s), difference.square().sum({1, 2, 3}), 1e-12));
  expect_slopes(hint_terms, t, s);
  const at::Tensor features = random_numbers({3, 5}, 23);
  EXPECT_TRUE(close(hint_terms(features, features + 1), at::full({3}, 5, at::kDouble), 1e-12));
}

TEST(Pair, IsGolden) {
  const at::Tensor features = golden_tensor(golden::kPairs);
  const at::Tensor labels = golden_tensor(golden::kPairLabels).to(at::kLong);
  EXPECT_NEAR(pair_loss(features, labels, 1.5).item<double>(), golden::kPair, kDigits);
}

TEST(Pair, GradientsAreSlopes) {
  const at::Tensor labels = at::tensor({1, 1, 0, 2, 3, 1, 5}, at::kLong);  // the last one is alone
  const at::Tensor features = random_numbers({7, 2}, 24);
  const auto loss = [&](const at::Tensor& x) { return pair_loss(x, labels, 2); };
  EXPECT_TRUE(has_its_slopes(loss, features));
  EXPECT_EQ(gradient_of(loss, features)[6].abs().sum().item<double>(), 0);
  EXPECT_TRUE(
      same_bytes(loss(features), pair_loss(features.slice(0, 0, 6), labels.slice(0, 0, 6), 2)));
}

// The same place with different labels: D = 0, where the distance has no gradient.
TEST(Pair, AtDistanceZeroIsFinite) {
  const auto loss = [&](const at::Tensor& x) {
    return pair_loss(x, at::tensor({0, 1, 2, 2}, at::kLong), 3);
  };
  expect_finite(loss, at::ones({4, 2}));
  EXPECT_EQ(loss(at::ones({4, 2})).item<double>(), 4.5);
}

TEST(Pair, WithoutAPairIsZero) {
  const auto loss = [&](const at::Tensor& x) { return pair_loss(x, at::zeros({1}, at::kLong), 1); };
  EXPECT_EQ(loss(at::ones({1, 2})).item<double>(), 0);
  EXPECT_EQ(gradient_of(loss, at::ones({1, 2})).abs().sum().item<double>(), 0);
}

}  // namespace
}  // namespace concertina
