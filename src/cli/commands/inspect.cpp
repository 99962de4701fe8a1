// concertina inspect
#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/spec/cost.h"
#include "concertina/store/model_file.h"

#include "commands/commands.h"
#include "options/named_net.h"
#include "options/run_options.h"
#include "output/results.h"
#include "output/table.h"
#include "start.h"

namespace concertina::cli {
namespace {

std::vector<Option> options() {
  return with({positional("RUN", "the run folder or file, or an exported h5 file; or give --net"),
               text_option("net", "NAME", "a network of `concertina list nets`")},
              {named_net_options("with --net: "),
               {flag_option("layers", "the layers of the full network too"), json_option()}});
}

Json submodel_json(const NetSpec& net, const Subnet& subnet) {
  const SubnetCost both = subnet_cost(net, subnet);
  Json json = subnet_json(net, subnet);
  put_cost(json, both.anytime);
  json["alone"] = {
      {"macs", both.alone.macs}, {"params", both.alone.params}, {"bytes", both.alone.bytes}};
  return json;
}

struct LayerRow {
  const Layer& layer;
  const ResolvedLayer& shape;
};

std::vector<LayerRow> layer_rows(const NetSpec& net, const ResolvedNet& resolved) {
  std::vector<LayerRow> rows;
  for (const ResolvedLayer& shape : resolved.layers) {
    rows.push_back({net.layers[static_cast<std::size_t>(shape.layer)], shape});
  }
  return rows;
}

Json layers_json(const NetSpec& net, const ResolvedNet& resolved) {
  Json json = Json::array();
  for (const auto& [layer, shape] : layer_rows(net, resolved)) {
    Json inputs = Json::array();
    for (const int input : layer.inputs) {
      inputs.push_back(net.layers[static_cast<std::size_t>(input)].name);
    }
    json.push_back({{"name", layer.name},
                    {"kind", kind_name(layer.kind)},
                    {"inputs", inputs},
                    {"in_channels", shape.in_channels},
                    {"out_channels", shape.out_channels},
                    {"height", shape.height},
                    {"width", shape.width},
                    {"kernel", layer.kernel},
                    {"stride", layer.stride},
                    {"elastic", layer.elastic}});
  }
  return json;
}

std::string layers_table(const NetSpec& net, const ResolvedNet& resolved) {
  TextTable table({"layer", "kind", ">in", ">out", ">height", ">width", ">kernel", ">stride"});
  for (const auto& [layer, shape] : layer_rows(net, resolved)) {
    table.add({layer.name, kind_name(layer.kind), std::to_string(shape.in_channels),
               std::to_string(shape.out_channels), std::to_string(shape.height),
               std::to_string(shape.width), std::to_string(layer.kernel),
               std::to_string(layer.stride)});
  }
  return table.text();
}

Json best_json(const BestState& best) {
  return {{"epoch", best.epoch}, {"accuracy", best.accuracy}, {"loss", best.loss}};
}

void put_run(Json& json, const RunState& state) {
  const Progress& progress = state.progress;
  json["epoch"] = progress.epoch;
  json["step"] = progress.step;
  json["finished"] = progress.finished;
  json["best_epoch"] = progress.best_epoch;
  json["recipe"] = state.recipe;
  json["data"] = {{"argument", state.data.argument},
                  {"limit", state.data.limit},
                  {"train_images", state.data.train_images},
                  {"validation_images", state.data.validation_images},
                  {"test_images", state.data.test_images},
                  {"classes", state.data.classes},
                  {"sha256", state.data.sha256}};
  json["environment"] = state.environment;
  json["evaluations"] = Json::array();
  for (const Evaluation& row : state.evaluations) {
    json["evaluations"].push_back({{"epoch", row.epoch},
                                   {"id", row.id},
                                   {"split", row.split},
                                   {"loss", row.loss},
                                   {"accuracy", row.accuracy}});
  }
  for (std::size_t k = 0; k < state.submodels.size(); ++k) {
    const std::optional<BestState>& best = state.submodels[k].best;
    json["submodels"][k]["best"] = best ? best_json(*best) : Json();
  }
}

Json net_json(const NetSpec& net, const std::vector<Width>& widths) {
  Json json = {
      {"net", net.name},         {"classes", net.classes},      {"channels", net.in_channels},
      {"height", net.in_height}, {"image_width", net.in_width}, {"submodels", Json::array()}};
  for (const Subnet& subnet : all_subnets(net, widths)) {
    json["submodels"].push_back(submodel_json(net, subnet));
  }
  return json;
}

std::string net_text(const NetSpec& net, const std::vector<Width>& widths) {
  TextTable table({"sub-model", ">MACs", ">ops", ">params", ">size", ">activations", ">alone: MACs",
                   ">params"});
  for (const Subnet& subnet : all_subnets(net, widths)) {
    const auto [anytime, alone] = subnet_cost(net, subnet);
    table.add({subnet_id(net, subnet), count_cell(anytime.macs), count_cell(anytime.ops),
               count_cell(anytime.params), bytes_cell(anytime.bytes),
               bytes_cell(anytime.peak_activation_bytes), count_cell(alone.macs),
               count_cell(alone.params)});
  }
  return net.name + ", " + std::to_string(net.classes) + " classes of " +
         std::to_string(net.in_channels) + "x" + std::to_string(net.in_height) + "x" +
         std::to_string(net.in_width) + "\n" + table.text();
}

std::string run_text(const RunState& state) {
  TextTable table({"sub-model", ">best epoch", ">validation", ">loss"});
  for (const SubnetState& submodel : state.submodels) {
    const auto& best = submodel.best;
    table.add({subnet_id(state.net, submodel.subnet), best ? std::to_string(best->epoch) : "-",
               best ? accuracy_cell(best->accuracy) : "-", best ? loss_cell(best->loss) : "-"});
  }
  return "\nepoch " + std::to_string(state.progress.epoch) +
         (state.progress.finished ? ", finished" : ", not finished") + "; data " +
         state.data.argument + "; best of every sub-model:\n" + table.text();
}

void print(const NetSpec& net, const std::vector<Width>& widths, const RunState* state,
           const Options& options) {
  const ResolvedNet full = resolve(net, {Width(), net.exit_count()});
  if (!options.flag("json")) {
    std::cout << net_text(net, widths) << (state != nullptr ? run_text(*state) : "");
    if (options.flag("layers")) std::cout << "\n" << layers_table(net, full);
    return;
  }
  Json json = net_json(net, widths);
  if (state != nullptr) put_run(json, *state);
  if (options.flag("layers")) json["layers"] = layers_json(net, full);
  print_json(json);
}

std::string origin_text(const ModelState& model) {
  std::string text;
  for (const auto& [key, value] : model.origin) text += key + " = " + value + "\n";
  for (const EarlyExit& early : model.early_exits) {
    text += "early exit at width " + early.width.text() + ": " +
            std::to_string(early.policies.size()) + " sets of thresholds, fitted on " +
            std::to_string(early.images) + " images\n";
  }
  return text;
}

int print_model(const ModelState& model, const Options& options) {
  std::vector<Width> widths;
  for (const NormBank& bank : model.norms) widths.push_back(bank.width);
  const ResolvedNet full = resolve(model.net, {Width(), model.net.exit_count()});
  if (!options.flag("json")) {
    std::cout << net_text(model.net, widths) << origin_text(model);
    if (options.flag("layers")) std::cout << "\n" << layers_table(model.net, full);
    return 0;
  }
  Json json = net_json(model.net, widths);
  for (std::size_t k = 0; k < model.submodels.size(); ++k) {
    json["submodels"][k]["accuracy"] = model.submodels[k].accuracy;
    json["submodels"][k]["loss"] = model.submodels[k].loss;
  }
  json["class_names"] = model.classes;
  json["mean"] = model.mean;
  json["deviation"] = model.deviation;
  for (const auto& [key, value] : model.origin) json["origin"][key] = value;
  json["early_exit"] = Json::array();
  for (const EarlyExit& early : model.early_exits) {
    json["early_exit"].push_back({{"width", width_json(early.width)},
                                  {"images", early.images},
                                  {"policies", early.policies.size()}});
  }
  if (options.flag("layers")) json["layers"] = layers_json(model.net, full);
  print_json(json);
  return 0;
}

int run(const Options& options) {
  if (options.given("net") == options.given("RUN")) {
    throw UsageError("concertina inspect needs either RUN or --net" + options.see_help());
  }
  if (options.given("net")) {
    const NetSpec net = named_net(options);
    print(net, net.widths, nullptr, options);
    return 0;
  }
  const std::filesystem::path file = experiment::run_file(options.text("RUN"));
  if (is_model_file(file)) return print_model(read_model(file), options);
  const RunState state = read_run_summary(file);
  print(state.net, state.widths, &state, options);
  return 0;
}

}  // namespace

Command inspect_command() {
  return {"inspect",
          "the sub-models of a run, an exported h5 file or a network, and what each costs",
          options(),
          {"concertina inspect --net msdnet-a --classes 100 --json"},
          &run};
}

}  // namespace concertina::cli
