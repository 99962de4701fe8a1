// concertina bench latency
#include <filesystem>
#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/text.h"
#include "concertina/eval/latency.h"
#include "concertina/kernels/thread_pool.h"
#include "concertina/select/latency_table.h"
#include "concertina/spec/cost.h"

#include "commands/commands.h"
#include "options/named_net.h"
#include "options/run_options.h"
#include "output/progress.h"
#include "output/table.h"
#include "start.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

std::vector<Option> options() {
  return with({positional("RUN", "the run folder or file whose net is measured; or give --net"),
               text_option("net", "NAME", "a network of `concertina list nets`"),
               integer_option("batch", {1, 65536}, "images a forward", "1"),
               integer_option("repetitions", {1, 100000}, "timed forwards of a sub-model", "100"),
               integer_option("warm-up", {0, 100000}, "forwards before them", "5"),
               text_option("out", "FILE", "write the table there too, as .csv or .json")},
              {named_net_options("with --net: "), machine_options(), output_options()});
}

struct Target {
  NetSpec net;
  std::vector<Subnet> subnets;
};

// Weights do not matter here: of a run only the net and its sub-models are read.
Target target_of(const Options& options) {
  if (options.given("RUN") == options.given("net")) {
    throw UsageError("concertina bench latency needs either RUN or --net" + options.see_help());
  }
  Target target;
  if (options.given("net")) {
    target.net = named_net(options);
    target.subnets = all_subnets(target.net, target.net.widths);
    return target;
  }
  const RunState state = read_run_summary(experiment::run_file(options.text("RUN")));
  target.net = state.net;
  for (const SubnetState& submodel : state.submodels) target.subnets.push_back(submodel.subnet);
  return target;
}

// The sub-model as it ships, with initial weights.
FlexibleNet small_net(const NetSpec& net, const Subnet& subnet, at::Device device) {
  const NetSpec spec = extract_spec(net, resolve(net, subnet, Exits::only));
  FlexibleNet small(spec, spec.widths, {}, 1, device);
  small.set_calibrated(Width(), true);
  give_threads_to(small.engine());
  return small;
}

LatencyRow measure(const Target& target, const Subnet& subnet, const LatencySetting& setting,
                   at::Device device) {
  FlexibleNet net = small_net(target.net, subnet, device);
  const Latency latency = measure_latency(net, setting);
  LatencyRow row;
  row.id = subnet_id(target.net, subnet);
  row.macs = subnet_cost(target.net, subnet).anytime.macs;
  row.min = latency.min;
  row.median = latency.median;
  row.p95 = latency.p95;
  row.max = latency.max;
  return row;
}

// Which of the two formats a file is to have, by its name.
std::string text_for(const fs::path& file, const LatencyTable& table) {
  if (file.extension() == ".csv") return csv_text(table);
  if (file.extension() == ".json") return json_text(table);
  throw UsageError("--out \"" + file.string() + "\"; expected a name that ends in .csv or .json");
}

void print(const LatencyTable& table) {
  TextTable text({"sub-model", ">MACs", ">min", ">median", ">p95", ">max"});
  const auto time = [](double seconds) { return format_quantity(seconds, Unit::seconds); };
  for (const LatencyRow& row : table.rows) {
    text.add({row.id, format_quantity(static_cast<double>(*row.macs), Unit::count), time(row.min),
              time(row.median), time(row.p95), time(row.max)});
  }
  std::cout << text.text() << table.net << ": batch " << table.batch << ", " << table.threads
            << " threads, " << table.device << " (" << table.processor << "), " << table.repetitions
            << " repetitions\n";
}

int run(const Options& options) {
  const Target target = target_of(options);
  const fs::path out = options.text("out");
  if (!out.empty()) text_for(out, {});
  const at::Device device = start(options);
  const LatencySetting setting{options.integer("batch"),
                               static_cast<int>(options.integer("warm-up")),
                               static_cast<int>(options.integer("repetitions"))};
  LatencyTable table{target.net.name,         static_cast<int>(setting.batch),
                     kernels::thread_count(), setting.warm_up,
                     setting.repetitions,     device.str(),
                     processor_name(),        {}};
  {
    ProgressLine line(options.flag("quiet"));
    const Rate rate;
    const auto all = static_cast<double>(target.subnets.size());
    for (const Subnet& subnet : target.subnets) {
      const auto done = static_cast<double>(table.rows.size());
      line.show({"latency " + subnet_id(target.net, subnet), done / all, "",
                 rate.seconds_left(done, all), ""});
      table.rows.push_back(measure(target, subnet, setting, device));
    }
  }
  if (options.flag("json")) {
    std::cout << json_text(table);
  } else {
    print(table);
  }
  if (!out.empty()) replace_file(out, {text_for(out, table)});
  return 0;
}

}  // namespace

Command bench_latency_command() {
  return {"bench latency",
          "how long one forward of every sub-model takes on this machine",
          options(),
          {"concertina bench latency runs/mb1 --threads 1 --out phone.csv",
           "concertina select runs/mb1 --latency-table phone.csv --max-latency 4ms"},
          &run};
}

}  // namespace concertina::cli
