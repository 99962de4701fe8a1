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

constexpr double kTeacherFeatures[3][3] = {{1.0, 0.0, 2.0}, {0.0, 1.0, 1.0}, {3.0, 1.0, 0.0}};
constexpr double kStudentFeatures[3][2] = {{1.0, 0.5}, {0.2, 1.0}, {2.0, 0.0}};
constexpr double kPairs[4][2] = {{1.0, 0.0}, {0.5, 2.0}, {0.0, 1.0}, {0.6, 0.2}};
constexpr int kPairLabels[4] = {1, 1, 0, 2};
constexpr double kTeacherMaps[2][2][2] = {{{1.0, 2.0}, {0.0, 1.0}}, {{2.0, 0.0}, {1.0, 3.0}}};
constexpr double kStudentMaps[2][2][2] = {{{0.5, 1.0}, {1.0, 1.0}}, {{1.0, 0.0}, {0.0, 2.0}}};
constexpr double kQueries[2][2] = {{1.0, 0.0}, {0.5, -1.0}};
constexpr double kKeys[2][2][2] = {{{0.5, 1.0}, {1.0, 0.0}}, {{-0.5, 0.0}, {0.0, 1.0}}};

constexpr double kOffsetKl = 1.212520109342;
constexpr double kKlTwoTemperatures[2] = {0.179185914636, 0.256284339813};
constexpr double kSmoothCe[2] = {0.730269670642, 0.844782230928};
constexpr double kMse[2] = {11.000000000000, 10.250000000000};
constexpr double kDkd[2] = {0.307999594100, 0.277282077704};
constexpr double kAlphaDivergence[2] = {1.291558781524, 1.091020749057};
constexpr double kAlphaGradient[2][3] = {{-0.310405814818, -0.632162411760, 0.942568226578}, {0.993604105281, -0.059594574690, -0.934009530591}};
constexpr double kPkt = 0.002052411043;
constexpr double kPktCosine = 0.004174581462;
constexpr double kPktStudentT = 0.017391458788;
constexpr double kPktCombined = 0.021566040251;
constexpr double kNormalizedMse = 0.507302852089;
constexpr double kGram = 7.312500000000;
constexpr double kPair = 2.250000000000;
constexpr double kMeanProbabilities[2][3] = {{-4.353633123142, -4.477352337623, -4.353633123142}, {-4.607845020578, -5.463259637113, -3.386956263496}};
constexpr double kAttention[2][3] = {{1.731058578630, 1.268941421370, 0.806824264110}, {0.091212761903, -0.182425523806, 2.452723428581}};

}  // namespace concertina::golden
