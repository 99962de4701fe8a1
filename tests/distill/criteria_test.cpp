// Golden numbers (tests/golden/golden.py): the formulas of docs/methods.md, Losses, in Python. The
// criteria themselves have tests of their own (logit_losses_test, feature_losses_test); this is
// what an edge makes of them.
#include "concertina/distill/criteria.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "golden/golden.h"

namespace concertina {
namespace {

constexpr double kDigits = 2e-12;  // the golden numbers have twelve decimals; fp64 here

at::Tensor matrix(const double (&rows)[2][3]) {
  return at::tensor(at::ArrayRef<double>(&rows[0][0], 6), at::kDouble).reshape({2, 3});
}

LossInputs golden_inputs() {
  LossInputs in;
  in.labels = at::tensor(at::ArrayRef<int>(golden::kLabels), at::kLong);
  in.teacher = matrix(golden::kTeacher);
  in.student = matrix(golden::kStudent);
  return in;
}

double loss(const std::string& edge, double temperature = 1,
            const LossInputs& in = golden_inputs()) {
  return edge_loss(parse_edge(edge), temperature, in).item<double>();
}

std::string full(const std::string& criterion, const std::string& more) {
  return "full -> students : " + criterion + " gradient=stop " + more;
}

TEST(Criteria, CrossEntropyIsGolden) {
  EXPECT_NEAR(loss("label -> each : ce"), golden::kCrossEntropy, kDigits);
}

TEST(Criteria, DistillationIsGolden) {
  for (const golden::Distillation& expected : golden::kDistillations) {
    const double t = expected.temperature;
    const auto kl = [&](const char* more) { return loss(full("kl", more), t); };
    EXPECT_NEAR(kl("reduction=sum t-power=0"), expected.kl[0] + expected.kl[1], 2 * kDigits) << t;
    EXPECT_NEAR(kl("reduction=batchmean t-power=2"), expected.kl_batchmean, kDigits) << t;
    EXPECT_NEAR(kl("reduction=batchmean t-power=1"), expected.kl_batchmean / t, kDigits) << t;
    EXPECT_NEAR(kl("reduction=elementmean t-power=2"), expected.kl_elementmean, kDigits) << t;
    EXPECT_NEAR(loss(full("soft-ce", "reduction=batchmean t-power=0"), t),
                expected.soft_ce_batchmean, kDigits)
        << t;
  }
}

// The entropy of the teacher, by which the two criteria differ, has no gradient in the student.
TEST(Criteria, GradientsAreGolden) {
  for (const golden::Distillation& expected : golden::kDistillations) {
    for (const char* criterion : {"kl", "soft-ce"}) {
      LossInputs in = golden_inputs();
      in.student.set_requires_grad(true);
      const at::Tensor value = edge_loss(
          parse_edge(full(criterion, "reduction=batchmean t-power=2")), expected.temperature, in);
      const at::Tensor gradient = torch::autograd::grad({value}, {in.student})[0];
      const double difference = gradient.sub(matrix(expected.gradient)).abs().max().item<double>();
      EXPECT_LT(difference, kDigits) << expected.temperature;
    }
  }
}

TEST(Criteria, TheTemperatureMayDivideOneSideOnly) {
  LossInputs in = golden_inputs();
  in.teacher = at::div(in.teacher, 4);
  const std::string kl = full("kl", "reduction=sum t-power=0");
  EXPECT_NEAR(loss(kl + " temper=teacher", 4), loss(kl, 1, in), kDigits);
}

// The student's largest logits are of the classes 2 and 0, the teacher's of 0 and 2.
TEST(Criteria, SelectorsTakeTheImagesTheyName) {
  const std::string kl = full("kl", "reduction=batchmean t-power=0 ");
  const auto& of_image = golden::kDistillations[0].kl;
  const double both = of_image[0] + of_image[1];
  const auto selected = [&](const std::string& more, const LossInputs& in = golden_inputs()) {
    return loss(kl + more, 1, in);
  };
  LossInputs right = golden_inputs();
  right.labels = at::tensor(std::vector<std::int64_t>{0, 2});  // the teacher is right on both
  EXPECT_EQ(selected("select=teacher-right over=batch"), 0);
  EXPECT_NEAR(selected("select=teacher-right over=selected", right), both / 2, kDigits);
  EXPECT_NEAR(selected("select=correction over=batch", right), both / 2, kDigits);
  right.labels = at::tensor(std::vector<std::int64_t>{2, 2});  // on the second; the student not
  EXPECT_NEAR(selected("select=teacher-right over=batch", right), of_image[1] / 2, kDigits);
  EXPECT_NEAR(selected("select=teacher-right over=selected", right), of_image[1], kDigits);
  EXPECT_NEAR(selected("select=student-wrong over=selected", right), of_image[1], kDigits);
  // The teacher's largest probabilities are 0.665 and 0.909; the student's entropies 0.757 and
  // 0.867 of log 3.
  EXPECT_NEAR(selected("select=teacher-confident cutoff=0.8 over=selected"), of_image[1], kDigits);
  EXPECT_NEAR(selected("select=student-unsure cutoff=0.8 over=batch"), of_image[1] / 2, kDigits);
  EXPECT_EQ(selected("select=student-unsure cutoff=1 over=selected"), 0);  // none, and no NaN
}

TEST(Criteria, ReductionsOfMaps) {
  LossInputs in;
  in.labels = at::zeros({2}, at::kLong);
  in.teacher = at::ones({2, 3, 4, 4}, at::kDouble);
  in.student = at::zeros({2, 3, 2, 2}, at::kDouble);
  const auto hint = [&](const char* reduction) {
    return loss(full("hint", std::string("tap=map reduction=") + reduction), 1, in);
  };
  EXPECT_EQ(hint("sum"), 2 * 3 * 4);
  EXPECT_EQ(hint("batchmean"), 3 * 4);
  EXPECT_EQ(hint("elementmean"), 1);
  in.teacher_second = in.teacher;
  in.student_second = in.student;
  const auto gram = [&](const char* reduction) {
    return loss(full("gram", std::string("tap=a+b reduction=") + reduction), 1, in);
  };
  EXPECT_EQ(gram("batchmean"), 9);
  EXPECT_EQ(gram("elementmean"), 1);
}

}  // namespace
}  // namespace concertina
