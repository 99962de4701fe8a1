// Made by golden.py beside this file; change that, not this.
#pragma once

// clang-format off
namespace concertina::golden {

constexpr double kStudent[2][3] = {{1.0, 2.0, 3.0}, {0.5, -1.0, 0.0}};
constexpr double kTeacher[2][3] = {{2.0, 1.0, 0.0}, {0.0, 0.0, 3.0}};
constexpr int kLabels[2] = {2, 0};
constexpr double kCrossEntropy = 0.505868284891;

struct Distillation {
  double temperature;
  double kl[2];  // of each sample
  double kl_batchmean, kl_elementmean;  // times T^2
  double soft_ce_batchmean;
  double gradient[2][3];  // of T^2 KL batchmean in the student's logits
};
constexpr Distillation kDistillations[] = {
    {1,
     {1.150420765209, 0.760175894826},
     0.955298330017,
     0.318432776672,
     1.554793101379,
     {{-0.287605191302, 0.000000000000, 0.287605191302},
     {0.250635443261, 0.038336575783, -0.288972019044}}},
    {4,
     {0.082476869510, 0.069716897897},
     1.217550139251,
     0.405850046417,
     1.129880565295,
     {{-0.329907478038, 0.000000000000, 0.329907478038},
     {0.292484245292, 0.049109350154, -0.341593595446}}},
};

}  // namespace concertina::golden
