// concertina import
#include <algorithm>
#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/experiment/import_run.h"
#include "concertina/nets/catalog.h"

#include "commands/commands.h"
#include "options/new_run_options.h"
#include "options/run_options.h"
#include "output/results.h"
#include "start.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

std::vector<Option> options() {
  return with({positional("FILE", "a state dict: .pt or .pth of torch.save, or .safetensors")},
              {new_run_options(),
               {out_option(),
                text_option("widths", "\"W W 1\"",
                            "the widths whose norms it has; without it, the net's own"),
                text_option("map", "FILE", "lines THEIR_NAME = OUR_NAME, where names differ"),
                choice_option("norm", {"auto", "switchable", "calibrated"},
                              "what its norms are; auto: as their names say", "auto")},
               machine_options(),
               output_options()});
}

const char* norm_name(NormSharing sharing) {
  return sharing == NormSharing::switchable ? "switchable" : "calibrated";
}

// Nobody knows what the file was trained on, so no image counts as held out.
Recipe import_recipe(const Options& options, const std::string& norm) {
  Overrides overrides = {"net.norm=" + norm, "train.validation=0"};
  if (options.given("widths")) overrides.push_back("net.widths=" + options.text("widths"));
  return load_recipe("base", recipe_folder(), overrides);
}

// A file may say anything; what goes to the terminal is short and moves no cursor.
void log_metadata(const StateDict& file) {
  constexpr std::size_t kMostEntries = 20, kMostCharacters = 200;
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  for (std::size_t k = 0; k < std::min(file.metadata.size(), kMostEntries); ++k) {
    std::string line = file.metadata[k].first + " = " + file.metadata[k].second;
    line.resize(std::min(line.size(), kMostCharacters));
    std::replace_if(line.begin(), line.end(), control, '?');
    log_info("import: " + line);
  }
}

void print_result(const RunState& state, const std::string& norm, const Options& options) {
  std::vector<std::string> ids;
  for (const SubnetState& one : state.submodels) ids.push_back(subnet_id(state.net, one.subnet));
  if (options.flag("json")) {
    print_json({{"run", options.text("out")},
                {"net", state.net.name},
                {"norm", norm},
                {"submodels", ids}});
    return;
  }
  std::cout << options.text("out") << ": " << state.net.name << " with " << norm
            << " norms, sub-models " << join(ids, " ") << "\n";
}

int run(const Options& options) {
  const at::Device device = start(options);
  const fs::path folder = options.needed("out");
  refuse_old_run(folder);
  const experiment::NewRun setting = new_run_setting(options, device);
  const NetSpec any = make_net(setting.net, {}, setting.net_options);
  const experiment::NameMap map =
      options.given("map") ? experiment::NameMap(options.text("map")) : experiment::NameMap();
  StateDict file = read_state_dict(options.needed("FILE"));
  log_metadata(file);
  const experiment::ForeignWeights weights(std::move(file), map, options.text("FILE"));
  const std::string norm =
      options.text("norm") == "auto" ? norm_name(weights.sharing(any)) : options.text("norm");
  const Recipe recipe = import_recipe(options, norm);
  const PreparedData data = experiment::load_data(setting, recipe);
  const RunState state =
      experiment::import_weights(weights, experiment::build_net(setting, data), recipe, data,
                                 file_sha256(options.text("FILE")), device);
  create_folder(folder);
  const FolderLock lock(folder);
  refuse_old_run(folder);
  write_run(folder / "run.h5", state);
  print_result(state, norm, options);
  return 0;
}

}  // namespace

Command import_command() {
  return {"import",
          "make a run of a state dict that was trained with PyTorch",
          options(),
          {"concertina import s_mobilenet_v1.pt --net slimmable-mobilenet-v1 \\",
           "    --data cifar10:DIR --out runs/theirs"},
          &run};
}

}  // namespace concertina::cli
