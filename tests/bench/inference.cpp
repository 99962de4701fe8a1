// inference NET [--image SIDE] [--rounds N] [--json]
//
// How long a sub-model's answer takes, every width and exit alone, for batches of 1 and 32, on one
// thread and on all: of the deployed model (deploy/flexible_model.h) against the same network by
// LibTorch's operations one after another ("eager") and against its exported TorchScript after
// torch::jit::optimize_for_inference ("script"). Weights are the initial ones: they change no time.
// The three take turns, so that what else the machine does hits all alike; medians over the rounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <sstream>
#include <thread>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/deploy/export.h"
#include "concertina/deploy/flexible_model.h"
#include "concertina/deploy/torchscript.h"
#include "concertina/eval/latency.h"
#include "concertina/kernels/thread_pool.h"
#include "concertina/nets/catalog.h"

namespace concertina {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string net;
  int image = 32;
  int rounds = 15;
  bool json = false;
};

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t k = 0; k < words.size(); ++k) {
    const bool has_value = k + 1 < words.size();
    if (words[k] == "--json") {
      arguments.json = true;
    } else if (words[k] == "--image" && has_value) {
      arguments.image = static_cast<int>(parse_integer(words[++k]).value_or(0));
    } else if (words[k] == "--rounds" && has_value) {
      arguments.rounds = static_cast<int>(parse_integer(words[++k]).value_or(0));
    } else if (arguments.net.empty() && words[k][0] != '-') {
      arguments.net = words[k];
    } else {
      throw UsageError("unexpected \"" + words[k] + "\"");
    }
  }
  if (arguments.net.empty() || arguments.image < 1 || arguments.rounds < 1) {
    throw UsageError("expected NET [--image SIDE] [--rounds N] [--json]");
  }
  return arguments;
}

using Answer = std::function<at::Tensor(const at::Tensor&)>;

struct Way {
  std::string name;
  Answer answer;
  std::vector<double> seconds{};

  double median() {
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
  }
};

Answer eager(const FlexibleNet& net, const Subnet& subnet) {
  auto small = std::make_shared<FlexibleNet>(net.extract(subnet, Exits::only));
  small->set_engine(Engine::plain);
  return [small](const at::Tensor& images) {
    return small->forward(images, {}, Pass::evaluate).front();
  };
}

// On LibTorch 1.13 a module has to have run before it is optimized, or its answers are wrong.
Answer script(const FlexibleNet& net, const Subnet& subnet, const at::Tensor& images) {
  const deploy::PlainNet plain = deploy::plain_net(net.extract(subnet, Exits::only), {});
  std::istringstream stream(deploy::torchscript_bytes(plain));
  torch::jit::Module module = torch::jit::freeze(torch::jit::load(stream));
  for (int k = 0; k < 3; ++k) module.forward({images});
  module = torch::jit::optimize_for_inference(module);
  return [module](const at::Tensor& input) mutable { return module.forward({input}).toTensor(); };
}

void check(const std::string& what, const at::Tensor& found, const at::Tensor& expected) {
  if (at::allclose(found, expected, 1e-3, 1e-5)) return;
  std::cerr << what << " answers otherwise than eager LibTorch\n";
}

// Several answers a round, so that a round is long enough to be timed. LibTorch's idle threads spin
// for milliseconds and would take the next one's processor, so they are let go to sleep first.
void measure(std::vector<Way>& ways, const at::Tensor& images, int rounds) {
  const at::Tensor expected = ways.front().answer(images);
  std::vector<int> repeats;
  for (Way& way : ways) {
    check(way.name, way.answer(images), expected);
    for (int k = 0; k < 3; ++k) way.answer(images);
    const auto start = Clock::now();
    way.answer(images);
    const std::chrono::duration<double> once = Clock::now() - start;
    repeats.push_back(std::clamp(static_cast<int>(0.01 / once.count()), 1, 200));
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t k = 0; k < ways.size(); ++k) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ways[k].answer(images);
      const auto start = Clock::now();
      for (int n = 0; n < repeats[k]; ++n) ways[k].answer(images);
      const std::chrono::duration<double> taken = Clock::now() - start;
      ways[k].seconds.push_back(taken.count() / repeats[k]);
    }
  }
}

deploy::FlexibleModel deployed(const FlexibleNet& net, int threads) {
  std::vector<Measurement> rows;
  for (const Subnet& subnet : all_subnets(net.spec(), net.widths())) {
    Measurement row;
    row.id = subnet_id(net.spec(), subnet);
    row.subnet = subnet;
    rows.push_back(row);
  }
  return deploy::FlexibleModel(deploy::model_of(net, {}, rows), threads);
}

Json run(const Arguments& arguments) {
  const at::NoGradGuard guard;
  const NetSpec spec = make_net(arguments.net, {10, 3, arguments.image, arguments.image});
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  for (const Width width : spec.widths) net.set_calibrated(width, true);
  const int all_threads = kernels::thread_count();
  Json rows = Json::array();
  for (const int threads : {1, all_threads}) {
    at::set_num_threads(threads);
    const deploy::FlexibleModel model = deployed(net, threads);
    for (const int batch : {1, 32}) {
      const at::Tensor images = at::randn({batch, 3, arguments.image, arguments.image});
      for (const Measurement& one : model.submodels()) {
        const Subnet subnet = one.subnet;
        std::vector<Way> ways = {
            {"eager", eager(net, subnet)},
            {"script", script(net, subnet, images)},
            {"deployed", [&](const at::Tensor& x) { return model.forward(x, subnet); }}};
        measure(ways, images, arguments.rounds);
        Json row = {{"id", one.id}, {"threads", threads}, {"batch", batch}};
        for (Way& way : ways) row[way.name + "_us"] = way.median() * 1e6;
        rows.push_back(std::move(row));
      }
    }
    if (threads == all_threads) break;
  }
  return {{"net", arguments.net}, {"processor", processor_name()}, {"rows", rows}};
}

void print(const Json& result) {
  std::printf("%s on %s; microseconds a batch\n", result["net"].get<std::string>().c_str(),
              result["processor"].get<std::string>().c_str());
  std::printf("%-10s %8s %6s %10s %10s %10s %9s %9s\n", "sub-model", "threads", "batch", "eager",
              "script", "deployed", "x eager", "x script");
  for (const Json& row : result["rows"]) {
    const double eager_us = row["eager_us"], script_us = row["script_us"];
    const double deployed_us = row["deployed_us"];
    std::printf("%-10s %8d %6d %10.0f %10.0f %10.0f %9.2f %9.2f\n",
                row["id"].get<std::string>().c_str(), row["threads"].get<int>(),
                row["batch"].get<int>(), eager_us, script_us, deployed_us, eager_us / deployed_us,
                script_us / deployed_us);
  }
}

}  // namespace
}  // namespace concertina

int main(int count, char** values) {
  try {
    const auto arguments = concertina::parse({values + 1, values + count});
    const auto result = concertina::run(arguments);
    if (arguments.json) {
      std::cout << result.dump(1) << "\n";
    } else {
      concertina::print(result);
    }
  } catch (const std::exception& error) {
    std::cerr << "inference: " << error.what() << "\n";
    return 1;
  }
}
