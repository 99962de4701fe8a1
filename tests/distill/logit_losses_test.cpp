// Golden numbers (tests/golden/golden.py), and the formulas of docs/methods.md in plain LibTorch.
#include "concertina/distill/logit_losses.h"

#include "distill/samples.h"
#include "golden/golden.h"

namespace concertina {
namespace {

constexpr double kClip = 5;

at::Tensor labels_of(std::vector<std::int64_t> labels) { return at::tensor(labels, at::kLong); }

// Every loss with settings of its own, in one shape.
struct Loss {
  const char* name;
  std::function<at::Tensor(const at::Tensor& teacher, const at::Tensor& student)> terms;
};
std::vector<Loss> all_losses(const at::Tensor& labels, double clip = kClip) {
  return {
      {"kl", [](auto& t, auto& s) { return kl_terms(t, s, 2, 4, 0); }},
      {"kl offset", [](auto& t, auto& s) { return kl_terms(t, s, 3, 3, 1e-7); }},
      {"soft_ce", [](auto& t, auto& s) { return soft_ce_terms(t, s, 2, 4); }},
      {"ce", [=](auto&, auto& s) { return ce_terms(labels, s, 2, 0.1); }},
      {"mse", [](auto& t, auto& s) { return mse_terms(t, s); }},
      {"dkd", [=](auto& t, auto& s) { return dkd_terms(labels, t, s, 4, 2, 1, 8); }},
      {"alpha", [=](auto& t, auto& s) { return alpha_divergence_terms(t, s, 2, 3, -1, 1, clip); }},
  };
}

TEST(LogitLosses, AreGolden) {
  const at::Tensor t = golden_tensor(golden::kTeacher);
  const at::Tensor s = golden_tensor(golden::kStudent);
  const at::Tensor y = golden_tensor(golden::kLabels).to(at::kLong);
  EXPECT_NEAR(9 * kl_terms(t, s, 3, 3, 1e-7).mean().item<double>(), golden::kOffsetKl, kDigits);
  EXPECT_TRUE(is_golden(kl_terms(t, s, 2, 4, 0), golden::kKlTwoTemperatures));
  EXPECT_TRUE(is_golden(ce_terms(y, s, 2, 0.1), golden::kSmoothCe));
  EXPECT_TRUE(is_golden(mse_terms(t, s), golden::kMse));
  EXPECT_TRUE(is_golden(dkd_terms(y, t, s, 4, 4, 1, 8), golden::kDkd));
  const auto alpha = [&](const at::Tensor& student) {
    return alpha_divergence_terms(t, student, 1, 1, -1, 1, kClip);
  };
  EXPECT_TRUE(is_golden(alpha(s), golden::kAlphaDivergence));
  const auto sum = [&](const at::Tensor& student) { return alpha(student).sum(); };
  EXPECT_TRUE(is_golden(gradient_of(sum, s), golden::kAlphaGradient));
  for (const golden::Distillation& expected : golden::kDistillations) {
    const double T = expected.temperature;
    EXPECT_TRUE(is_golden(kl_terms(t, s, T, T, 0), expected.kl));
    EXPECT_NEAR(soft_ce_terms(t, s, T, T).mean().item<double>(), expected.soft_ce_batchmean,
                kDigits);
  }
}

TEST(LogitLosses, EqualLibTorchs) {
  const at::Tensor t = random_numbers({5, 7}, 1);
  const at::Tensor s = random_numbers({5, 7}, 2);
  const at::Tensor y = labels_of({0, 6, 3, 3, 1});
  const at::Tensor p = at::softmax(t / 2, 1);
  const at::Tensor log_q = at::log_softmax(s / 3, 1);
  EXPECT_TRUE(close(kl_terms(t, s, 2, 3, 0), at::kl_div(log_q, p, 0).sum(1), 1e-13));
  EXPECT_TRUE(close(kl_terms(t, s, 2, 3, 0.01), at::kl_div(log_q, p + 0.01, 0).sum(1), 1e-13));
  EXPECT_TRUE(close(soft_ce_terms(t, s, 2, 3), at::cross_entropy_loss(s / 3, p, {}, 0), 1e-13));
  EXPECT_TRUE(close(mse_terms(t, s), at::mse_loss(s, t, 0).sum(1), 1e-13));
  for (const double smoothing : {0.0, 0.1, 1.0}) {
    const at::Tensor expected = at::cross_entropy_loss(s / 3, y, {}, 0, -100, smoothing);
    EXPECT_TRUE(close(ce_terms(y, s, 3, smoothing), expected, 1e-13)) << smoothing;
  }
}

// KL = target part + (1 - p_label) non-target part: what is decoupled.
TEST(LogitLosses, DecoupledPartsAddUpToKl) {
  const at::Tensor t = 3 * random_numbers({6, 5}, 3);
  const at::Tensor s = 3 * random_numbers({6, 5}, 4);
  const at::Tensor y = labels_of({4, 0, 2, 1, 1, 3});
  const at::Tensor p = at::softmax(t / 4, 1).gather(1, y.unsqueeze(1)).squeeze(1);
  const at::Tensor sum = dkd_terms(y, t, s, 4, 2, 1, 0) + (1 - p) * dkd_terms(y, t, s, 4, 2, 0, 1);
  EXPECT_TRUE(close(sum, kl_terms(t, s, 4, 2, 0), 1e-12));
}

// The formula with probabilities and their ratios, as the released code has it.
at::Tensor plain_alpha(const at::Tensor& t, const at::Tensor& s, double alpha, double clip,
                       at::Tensor& surrogate) {
  const at::Tensor p = at::softmax(t, 1).detach();
  const at::Tensor q = at::softmax(s, 1).detach();
  at::Tensor ratio = p / q, f, rho;
  if (alpha == 0) {
    ratio = ratio.clamp(0, clip);
    f = -ratio.log();
    rho = ratio.log() - 1;
  } else if (alpha == 1) {
    f = ratio * ratio.log();
    rho = ratio;
  } else {
    const double base = 1 / (alpha * (alpha - 1));
    const at::Tensor power = ratio.pow(alpha).clamp(0, clip);
    f = power * base - base;
    rho = power / alpha + base;
  }
  surrogate = -(q * rho * at::log_softmax(s, 1)).sum(1);
  return (q * f).sum(1);
}

TEST(LogitLosses, AlphaDivergenceEqualsThePlainFormula) {
  const at::Tensor t = 2 * random_numbers({9, 6}, 5);
  const at::Tensor s = 2 * random_numbers({9, 6}, 6);
  for (const auto& [low, high] : {std::pair(-1.0, 1.0), {0.0, 1.0}, {-0.5, 0.5}, {-1.0, 0.0}}) {
    for (const double clip : {2.0, kClip, 1000.0}) {
      at::Tensor plain_gradient, value;
      const auto plain = [&, lowest = low, highest = high](const at::Tensor& student) {
        at::Tensor left, right;
        const at::Tensor d_left = plain_alpha(t, student, lowest, clip, left);
        const at::Tensor d_right = plain_alpha(t, student, highest, clip, right);
        value = at::maximum(d_left, d_right);
        return at::where(d_left > d_right, left, right).sum();
      };
      const auto ours = [&, lowest = low, highest = high](const at::Tensor& student) {
        return alpha_divergence_terms(t, student, 1, 1, lowest, highest, clip);
      };
      plain_gradient = gradient_of(plain, s);
      EXPECT_TRUE(close(ours(s), value, 1e-12)) << low << " " << high << " " << clip;
      const auto sum = [&](const at::Tensor& student) { return ours(student).sum(); };
      EXPECT_TRUE(close(gradient_of(sum, s), plain_gradient, 1e-12)) << low << " " << clip;
    }
  }
}

// What the released code logs as this loss can be below 0 and not a number.
TEST(LogitLosses, AlphaDivergenceIsNeverNegative) {
  for (const double size : {0.1, 1.0, 30.0, 1e4}) {
    const at::Tensor t = (size * random_numbers({64, 10}, 7)).to(at::kFloat);
    const at::Tensor s = (size * random_numbers({64, 10}, 8)).to(at::kFloat);
    const at::Tensor terms = alpha_divergence_terms(t, s, 1, 1, -1, 1, kClip);
    EXPECT_GE(terms.min().item<double>(), 0) << size;
    EXPECT_TRUE(at::isfinite(terms).all().item<bool>()) << size;
    EXPECT_LT(alpha_divergence_terms(t, t, 1, 1, -1, 1, kClip).abs().max().item<double>(), 1e-6);
  }
}

TEST(LogitLosses, GradientsAreSlopes) {
  const at::Tensor t = random_numbers({3, 4}, 9);
  const at::Tensor s = random_numbers({3, 4}, 10);
  const at::Tensor weights = random_numbers({3}, 11);  // each term has a gradient of its own
  for (const Loss& loss : all_losses(labels_of({3, 0, 1}), 1e6)) {
    const auto of_student = [&](const at::Tensor& x) { return (loss.terms(t, x) * weights).sum(); };
    const auto of_teacher = [&](const at::Tensor& x) { return (loss.terms(x, s) * weights).sum(); };
    EXPECT_TRUE(has_its_slopes(of_student, s)) << loss.name;
    if (loss.name == std::string("ce") || loss.name == std::string("alpha")) continue;
    EXPECT_TRUE(has_its_slopes(of_teacher, t)) << loss.name;
  }
}

TEST(LogitLosses, AStoppedTeacherGetsNoGradient) {
  const at::Tensor t = random_numbers({2, 3}, 12).set_requires_grad(true);
  const at::Tensor s = random_numbers({2, 3}, 13).set_requires_grad(true);
  const auto of_teacher = [&](const at::Tensor& terms) {
    return torch::autograd::grad({terms.sum()}, {t, s}, {}, {}, false, true)[0].defined();
  };
  for (const Loss& loss : all_losses(labels_of({0, 2}))) {
    EXPECT_FALSE(of_teacher(loss.terms(t.detach(), s))) << loss.name;
  }
  EXPECT_TRUE(of_teacher(kl_terms(t, s, 1, 1, 0)));
  EXPECT_FALSE(of_teacher(alpha_divergence_terms(t, s, 1, 1, -1, 1, kClip)));
}

TEST(LogitLosses, ExtremeLogitsGiveFiniteNumbers) {
  const at::Tensor t = at::tensor({1e4, -1e4, 0.0, -1e4, 1e4, -1e4}, at::kFloat).view({2, 3});
  const at::Tensor s = at::tensor({-1e4, 1e4, 0.0, -1e4, 1e4, 1e4}, at::kFloat).view({2, 3});
  const at::Tensor both = at::stack({t, s});
  for (const std::int64_t images : {2, 1}) {
    for (const Loss& loss : all_losses(labels_of({1, 0}).slice(0, 0, images))) {
      const auto sum = [&](const at::Tensor& logits) {
        const at::Tensor some = logits.slice(1, 0, images);
        return loss.terms(some[0], some[1]).sum();
      };
      EXPECT_TRUE(at::isfinite(sum(both)).item<bool>()) << loss.name;
      EXPECT_TRUE(at::isfinite(gradient_of(sum, both)).all().item<bool>()) << loss.name;
    }
  }
}

}  // namespace
}  // namespace concertina
