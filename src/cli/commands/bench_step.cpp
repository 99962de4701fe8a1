// concertina bench step
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <iostream>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/core/text.h"
#include "concertina/distill/partition.h"
#include "concertina/distill/train_step.h"
#include "concertina/eval/latency.h"
#include "concertina/kernels/thread_pool.h"
#include "concertina/train/run_state.h"

#include "commands/commands.h"
#include "options/named_net.h"
#include "options/run_options.h"
#include "output/results.h"
#include "output/table.h"
#include "start.h"

namespace concertina::cli {
namespace {

// Small: the time of a step does not depend on it, and random labels must not make the net diverge.
constexpr double kLearningRate = 1e-4;
constexpr std::int64_t kStepsPerEpoch = 100;  // where moving weights are read

std::vector<Option> options() {
  return with({text_option("net", "NAME", "the network", "slimmable-mobilenet-v1"),
               text_option("recipe", "NAME|FILE", "the recipe", "ipkd-ta"),
               list_option("set", "KEY=VALUE", "a recipe key"),
               integer_option("batch", {1, 65536}, "images a step", "64"),
               integer_option("steps", {1, 1000000}, "timed steps", "20"),
               integer_option("warm-up", {0, 1000000}, "steps before them", "3"),
               flag_option("profile", "say which kinds of layers the time goes to")},
              {arithmetic_options(), named_net_options(), machine_options(), output_options()});
}

struct Images {
  at::Tensor images, labels;
};

Images random_images(const NetSpec& net, std::int64_t batch, at::Device device) {
  CounterRandom random(1, Stream::bench);
  at::Tensor images = at::empty({batch, net.in_channels, net.in_height, net.in_width}, at::kFloat);
  at::Tensor labels = at::empty({batch}, at::kLong);
  float* pixels = images.data_ptr<float>();
  for (std::int64_t k = 0; k < images.numel(); ++k) pixels[k] = static_cast<float>(random.normal());
  std::int64_t* classes = labels.data_ptr<std::int64_t>();
  for (std::int64_t k = 0; k < batch; ++k) {
    classes[k] = random.below(static_cast<std::uint32_t>(net.classes));
  }
  return {images.to(device), labels.to(device)};
}

// In the place of external teachers: the full net, untrained.
Teachers stand_ins(const NetSpec& spec, const Recipe& recipe, at::Device device) {
  Teachers teachers;
  for (const PlanNode& node : recipe.plan.nodes) {
    if (node.kind != NodeKind::external) continue;
    FlexibleNet net(spec, {Width()}, {}, recipe.seed, device);
    net.set_calibrated(Width(), true);
    teachers[node.name] = net_teacher(std::move(net), {Width(), spec.exit_count()}, {}, {});
  }
  return teachers;
}

class StepBench {
 public:
  StepBench(const NetSpec& spec, Recipe recipe, std::int64_t batch, at::Device device,
            Engine engine, Precision precision)
      : data_(random_images(spec, batch, device)),
        teachers_(stand_ins(spec, recipe, device)),
        recipe_(with_filters(std::move(recipe), teachers_, data_.images)),
        widths_(recipe_.widths.empty() ? spec.widths : recipe_.widths),
        net_(spec, widths_, net_settings(recipe_), recipe_.seed, device),
        parts_(recipe_.plan, spec, place(0), teachers_, device),
        sgd_(trained_parameters(net_, parts_), recipe_) {
    net_.set_engine(engine, precision);
    give_threads_to(net_.engine());
  }

  Engine engine() const { return net_.engine(); }
  void set_profile(Profile* profile) { net_.set_profile(profile); }

  // Seconds of step `step`.
  double run(std::int64_t step) {
    const auto start = std::chrono::steady_clock::now();
    sgd_.clear_gradients();
    train_step(net_, recipe_.plan, parts_, input(step));
    sgd_.gradient_norm();
    sgd_.step(kLearningRate);
    // Waits for a device that works on its own.
    net_.weights().front().value.detach().flatten()[0].item<float>();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  StepInput input(std::int64_t step) {
    replays_.clear();
    const at::Tensor images = data_.images;
    const std::vector<float> zeros(static_cast<std::size_t>(images.size(1)), 0.0F);
    const std::vector<float> ones(static_cast<std::size_t>(images.size(1)), 1.0F);
    return {{images, data_.labels, [images](ViewKind) { return images; }, {zeros, ones}, &replays_},
            place(step)};
  }
  PlanStep place(std::int64_t step) const {
    return plan_step(recipe_, widths_, net_.spec().exit_count(), step, kStepsPerEpoch);
  }

  static Recipe with_filters(Recipe recipe, const Teachers& teachers, const at::Tensor& images) {
    choose_filters(recipe.plan, teachers, images);
    return recipe;
  }

  Images data_;
  Teachers teachers_;
  Recipe recipe_;
  std::vector<Width> widths_;
  FlexibleNet net_;
  AuxiliaryModules parts_;
  Sgd sgd_;
  Replays replays_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

// One row a kind of layer, the slowest first, and what belongs to none: losses, the optimizer,
// packing of weights.
Json profile_rows(const Profile& profile, double steps, double seconds) {
  Json rows = Json::array();
  double rest = seconds;
  for (const auto& [kind, time] : profile) {
    const double both = time.forward_s + time.backward_s;
    rest -= both;
    rows.push_back({{"layers", kind},
                    {"forward_ms", time.forward_s / steps * 1000},
                    {"backward_ms", time.backward_s / steps * 1000},
                    {"share", both / seconds},
                    {"gflop_per_s", time.flop / both / 1e9}});
  }
  std::sort(rows.begin(), rows.end(),
            [](const Json& a, const Json& b) { return a["share"] > b["share"]; });
  rows.push_back({{"layers", "the rest"},
                  {"forward_ms", nullptr},
                  {"backward_ms", rest / steps * 1000},
                  {"share", rest / seconds},
                  {"gflop_per_s", nullptr}});
  return rows;
}

void print_profile(const Json& rows) {
  TextTable table({"layers", ">forward, ms", ">back, ms", ">share", ">Gflop/s"});
  const auto cell = [](const Json& value, int digits) {
    return value.is_null() ? std::string("-") : format_fixed(value, digits);
  };
  for (const Json& row : rows) {
    table.add({row["layers"], cell(row["forward_ms"], 2), cell(row["backward_ms"], 2),
               format_quantity(row["share"], Unit::fraction), cell(row["gflop_per_s"], 1)});
  }
  std::cout << table.text();
}

void print(const Json& json, bool as_json) {
  if (as_json) return print_json(json);
  TextTable table({"figure", ">value"});
  table.add({"images/s", format_fixed(json["images_per_s"], 1)});
  table.add({"step, ms", format_fixed(json["step_ms"], 2)});
  table.add({"peak memory", bytes_cell(json["peak_rss_bytes"])});
  table.add({"batch", std::to_string(json["batch"].get<int>())});
  table.add({"threads", std::to_string(json["threads"].get<int>())});
  table.add({"engine", json["engine"]});
  table.add({"device", json["device"]});
  std::cout << table.text();
  if (json.contains("profile")) print_profile(json["profile"]);
}

int run(const Options& options) {
  const at::Device device = start(options);
  const Recipe recipe = find_recipe(options.text("recipe"), options.list("set"));
  const NetSpec net = named_net(options);
  const std::int64_t batch = options.integer("batch");
  Profile profile;
  StepBench bench(net, recipe, batch, device, chosen_engine(options), chosen_precision(options));
  const std::int64_t warm_up = options.integer("warm-up");
  const bool profiled = options.flag("profile");
  if (profiled && bench.engine() != Engine::fused) {
    throw UsageError("--profile: engine " + std::string(engine_name(bench.engine())) +
                     " does not know its layers' times; expected the fused engine");
  }
  std::vector<double> seconds;
  double all_seconds = 0;
  for (std::int64_t step = 0; step < warm_up + options.integer("steps"); ++step) {
    if (profiled && step == warm_up) bench.set_profile(&profile);
    const double one = bench.run(step);
    if (step < warm_up) continue;
    seconds.push_back(one);
    all_seconds += one;
  }
  const double step_seconds = median(seconds);
  Json result = {{"images_per_s", static_cast<double>(batch) / step_seconds},
                 {"step_ms", step_seconds * 1000},
                 {"peak_rss_bytes", peak_memory()},
                 {"net", net.name},
                 {"recipe", recipe.name},
                 {"batch", batch},
                 {"steps", seconds.size()},
                 {"threads", kernels::thread_count()},
                 {"engine", engine_name(bench.engine())},
                 {"precision", options.text("precision")},
                 {"device", device.str()},
                 {"processor", processor_name()}};
  if (profiled) {
    result["profile"] = profile_rows(profile, static_cast<double>(seconds.size()), all_seconds);
  }
  print(result, options.flag("json"));
  return 0;
}

}  // namespace

Command bench_step_command() {
  return {"bench step",
          "how fast a training step is on this machine, with random images",
          options(),
          {"concertina bench step --batch 64 --threads 2 --json"},
          &run};
}

}  // namespace concertina::cli
