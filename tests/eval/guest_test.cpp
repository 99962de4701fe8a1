// The library is a guest in its host's process: whatever it does, the host finds its settings as it
// left them. The host here sets each of them to something that is not the default.
#include <csignal>

#include <ATen/Functions.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/deploy/export.h"
#include "concertina/deploy/flexible_model.h"
#include "concertina/eval/calibrate.h"
#include "concertina/eval/evaluate.h"
#include "concertina/eval/latency.h"
#include "concertina/eval/process.h"
#include "concertina/store/run_file.h"
#include "concertina/train/trainer.h"

#include "process_state.h"
#include "train/fixture.h"

namespace concertina {
namespace {

using support::process_state;
using support::thread_counts;

void on_signal(int) {}
herr_t print_nothing(hid_t, void*) { return 0; }

const TinyRun& tiny_run() {
  static const TinyRun run;
  return run;
}

class HostsWarnings final : public c10::WarningHandler {
 public:
#if TORCH_VERSION_MAJOR >= 2
  void process(const c10::Warning&) override {}
#else
  void process(const c10::SourceLocation&, const std::string&, bool) override {}
#endif
};

// The host of these tests, for the whole program.
class Host : public testing::Environment {
 public:
  void SetUp() override {
    for (const int signal : {SIGINT, SIGTERM, SIGXFSZ, SIGPIPE}) std::signal(signal, on_signal);
    std::setlocale(LC_ALL, "C.UTF-8");
    umask(027);
    std::fesetround(FE_TONEAREST);
    static HostsWarnings warnings;
#if TORCH_VERSION_MAJOR >= 2
    c10::WarningUtils::set_warning_handler(&warnings);
#else
    c10::Warning::set_warning_handler(&warnings);
#endif
    H5PLset_loading_state(H5PL_FILTER_PLUGIN);
    H5Eset_auto2(H5E_DEFAULT, print_nothing, this);
    tiny_run();  // the fixture seeds LibTorch's generator
    at::set_num_threads(3);
    kernels::set_thread_count(2);
  }
};

const testing::Environment* const kHost = testing::AddGlobalTestEnvironment(new Host);

// Compares the process before and after one use of the library.
class Guest : public testing::Test {
 protected:
  ~Guest() override {
    EXPECT_EQ(process_state(), state_);
    EXPECT_EQ(thread_counts(), threads_);
  }

 private:
  support::ProcessState state_ = process_state();
  support::ProcessState threads_ = thread_counts();
};

struct Example {
  support::TempFolder folder;
  Dataset data = support::tiny_dataset({4, 3, 16, 16, 64, 32});
  PixelStatistics statistics = pixel_statistics(data.train);
  NetSpec spec = make_net("msdnet-tiny", {4, 3, 16, 16});
  FlexibleNet net{spec, spec.widths, {}, 1, at::kCPU};

  Example() {
    for (const Width width : spec.widths)
      calibrate(net, width, data.train, statistics, {64, 16, 1});
  }
  deploy::Card card() const {
    deploy::Card card;
    card.submodel = "w1.000-e3";
    card.mean = statistics.mean;
    card.deviation = statistics.deviation;
    card.classes = data.classes;
    return card;
  }
  deploy::Samples samples(const Subnet& subnet) {
    const at::NoGradGuard guard;
    const at::Tensor images = EvalLoader(data.test, statistics, 8, at::kCPU).get(0).images;
    return {images, {net.forward(images, subnet, Pass::evaluate, Exits::only)[0]}};
  }
};

TEST_F(Guest, EvaluatesAndCalibrates) {
  Example one;
  const EvalLoader loader(one.data.test, one.statistics, 16, at::kCPU);
  evaluate(one.net, loader, one.spec.widths);
}

TEST_F(Guest, ComputesWithEitherEngine) {
  for (const Engine engine : {Engine::plain, Engine::fused}) {
    Example one;
    one.net.set_engine(engine);
    one.net.forward(at::zeros({2, 3, 16, 16}), {Width(), 3}, Pass::train)[2].sum().backward();
  }
}

TEST_F(Guest, MeasuresLatency) {
  Example one;
  measure_latency(one.net, {2, 1, 3});
}

TEST_F(Guest, ExportsEveryFormatAndLoadsAModel) {
  Example one;
  const Subnet subnet{Width(), 3};
  const auto plain =
      deploy::fold(deploy::plain_net(one.net.extract(subnet, Exits::only), one.card()));
  for (const deploy::FormatEntry& format : deploy::formats()) {
    deploy::write_net(plain, format.format, one.folder / ("net" + format.suffix),
                      one.samples(subnet));
  }
  const auto model = deploy::FlexibleModel::load(one.folder / "net.h5", 2);
  model.forward(at::zeros({2, 3, 16, 16}), model.submodels().front().subnet);
}

TEST_F(Guest, IsRefusedAFileThatIsDamaged) {
  const support::TempFolder folder;
  EXPECT_ANY_THROW(read_model(folder.write("bad.h5", "\x89HDF\r\n\x1a\nnothing")));
}

TEST_F(Guest, LeavesTheErrorsThatHdf5KeepsForTheHost) {
  const support::TempFolder folder;
  const auto file = folder.write("bad.h5", "\x89HDF\r\n\x1a\nnothing");
  ASSERT_LT(H5Tset_size(H5T_NATIVE_INT, 0), 0);  // a call of the host that fails
  const auto errors = H5Eget_num(H5E_DEFAULT);
  ASSERT_GT(errors, 0);
  EXPECT_ANY_THROW(read_model(file));
  EXPECT_EQ(H5Eget_num(H5E_DEFAULT), errors);
}

TEST_F(Guest, TrainsARunAndReadsItAgain) {
  // net_of_run() gives LibTorch's threads to the net's engine.
  const ThreadCountGuard threads;
  const support::TempFolder folder;
  const TinyRun& run = tiny_run();
  RunState state = run.fresh();
  run.train_in(folder, state, 2);
  const RunState read = read_run(folder / "run.h5");
  net_of_run(read, run.recipe, at::kCPU);
}

// What is compared above would differ if anything were changed.
TEST(ProcessState, ShowsAChange) {
  const auto before = process_state();
  H5PLset_loading_state(0);
  EXPECT_NE(process_state(), before);
  H5PLset_loading_state(H5PL_FILTER_PLUGIN);
  EXPECT_EQ(process_state(), before);
}

TEST(TuneProcess, ChangesTheThreadsOnlyWhenAskedTo) {
  const auto state = process_state();
  const auto threads = thread_counts();
  {
    const ThreadCountGuard guard;
    tune_process();
    EXPECT_EQ(thread_counts(), threads);
    ProcessTuning tuning;
    tuning.threads = 1;
    tune_process(tuning);
    EXPECT_EQ(at::get_num_threads(), 1);
    EXPECT_EQ(kernels::thread_count(), 1);
  }
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_EQ(kernels::thread_count(), 2);
  EXPECT_EQ(process_state(), state);
  ProcessTuning wrong;
  wrong.threads = -1;
  EXPECT_THROW(tune_process(wrong), ProgrammingError);
}

}  // namespace
}  // namespace concertina
