// concertina export
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/experiment/export_run.h"

#include "commands/commands.h"
#include "options/run_options.h"
#include "output/results.h"
#include "output/watch_line.h"
#include "start.h"

namespace concertina::cli {
namespace {

using deploy::FormatEntry;
using experiment::ExportedFile;
using experiment::OpenedRun;

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const FormatEntry& one : deploy::formats()) names.push_back(one.name);
  return names;
}

const FormatEntry& chosen_format(const Options& options) {
  const std::string& name = options.needed("format");
  return *std::find_if(deploy::formats().begin(), deploy::formats().end(),
                       [&](const FormatEntry& one) { return one.name == name; });
}

Subnet chosen(const OpenedRun& run) {
  try {
    return experiment::chosen_submodel(run);
  } catch (const NoInputError&) {
    throw UsageError(
        "which sub-model? expected --width, --submodel or --all-widths, or a choice "
        "by `concertina select`: " +
        (run.folder / "choice.ini").string() + " is not there");
  } catch (const UsageError& error) {
    throw UsageError(std::string(error.what()) +
                     "; `concertina sweep` and `concertina select` choose anew, or name --width");
  }
}

Subnet asked_for(const OpenedRun& run, const Options& options) {
  const NetSpec& net = run.state.net;
  const bool named = options.given("width") || options.given("exit");
  if (named && options.given("submodel")) {
    throw UsageError("--submodel and --width or --exit exclude each other" + options.see_help());
  }
  if (options.given("submodel")) {
    return parse_subnet_id(net, run.state.widths, options.text("submodel"));
  }
  Subnet subnet = named ? Subnet{Width(), net.exit_count()} : chosen(run);
  if (options.given("width")) subnet.width = Width::parse(options.text("width"));
  if (options.given("exit")) subnet.exit = static_cast<int>(options.integer("exit"));
  resolve(net, subnet);  // or throws
  return subnet;
}

ExportedFile export_one(const OpenedRun& run, const PreparedData& data, const Options& options) {
  experiment::ExportRequest request;
  request.format = chosen_format(options).format;
  request.subnet = asked_for(run, options);
  request.file = options.text("out");
  request.best = options.text("checkpoint") == "best";
  request.fold = !options.flag("no-fold");
  request.samples = options.integer("samples");
  return experiment::export_submodel(run, data, request);
}

void check_all(const Options& options) {
  for (const char* other : {"width", "exit", "submodel", "no-fold"}) {
    if (options.given(other)) {
      throw UsageError(std::string("--all-widths and --") + other + " exclude each other" +
                       options.see_help());
    }
  }
  if (options.given("format") && options.text("format") != "h5") {
    throw UsageError("--all-widths writes h5 only; --format is " + options.text("format"));
  }
  if (options.text("checkpoint") == "best") {
    throw UsageError(
        "--all-widths ships the weights that all sub-models share; best checkpoints "
        "have weights of their own (expected --checkpoint last)");
  }
}

ExportedFile export_all(const OpenedRun& run, const PreparedData& data, const Options& options) {
  check_all(options);
  WatchLine line(options.flag("quiet"));
  return experiment::export_all(run, data, options.text("out"), options.integer("samples"),
                                line.watch());
}

std::string with_power(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0e", value);
  return text;
}

void print(const experiment::ExportedFile& written, const Options& options) {
  const deploy::Proof& proof = written.proof;
  if (options.flag("json")) {
    Json json = {{"run", options.text("RUN")},
                 {"file", written.file.string()},
                 {"format", written.format},
                 {"file_bytes", written.bytes},
                 {"file_params", written.params},
                 {"folded", !options.flag("no-fold") && !options.flag("all-widths")},
                 {"submodels", measurements_json(written.rows)},
                 {"check",
                  {{"images", proof.images},
                   {"difference", proof.difference},
                   {"tolerance", proof.tolerance}}}};
    return print_json(json);
  }
  const Measurement& last = written.rows.back();
  std::cout << written.file.string() << ": "
            << (written.rows.size() == 1 ? last.id
                                         : std::to_string(written.rows.size()) + " sub-models")
            << ", " << bytes_cell(written.bytes) << ", " << count_cell(written.params)
            << " parameters";
  if (written.rows.size() == 1) std::cout << ", " << count_cell(last.cost.macs) << " MACs";
  std::cout << "\nread again and run on " << proof.images << " images: logits differ by at most "
            << with_power(proof.difference)
            << " of the largest (allowed: " << with_power(proof.tolerance) << ")\n";
}

int run(const Options& options) {
  start_on_cpu(options);
  OpenedRun run(options.needed("RUN"));
  const PreparedData data = data_of_run(run.state, run.recipe, options);
  print(
      options.flag("all-widths") ? export_all(run, data, options) : export_one(run, data, options),
      options);
  return 0;
}

}  // namespace

Command export_command() {
  return {
      "export",
      "write a sub-model as an ordinary small model, or all of them as one file",
      with({positional("RUN", "the run folder or file"),
            text_option("width", "W",
                        "its width, such as 0.5 or 0.5,0.75,1; without any of these "
                        "three, what `concertina select` chose"),
            integer_option("exit", {1, 1000}, "its exit; without it, the last"),
            text_option("submodel", "ID", "width and exit in one, such as w0.500"),
            flag_option("all-widths", "every sub-model in one switchable h5 file"),
            choice_option("format", format_names(), "what to write"),
            text_option("out", "FILE", "where; without it, in the run folder"),
            flag_option("no-fold", "keep the norms, as layers of their own"), checkpoint_option(),
            integer_option("samples", {1, 100000}, "images that the written file is checked with",
                           "64"),
            data_option()},
           {output_options()}),
      {"concertina export runs/mb1 --width 0.5 --format onnx --out small.onnx",
       "concertina export runs/mb1 --all-widths --out mb1.h5"},
      &run};
}

}  // namespace concertina::cli
