// concertina export
#include "concertina/deploy/export.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/hash.h"
#include "concertina/core/text.h"
#include "concertina/experiment/scorer.h"
#include "concertina/spec/cost.h"

#include "commands.h"
#include "early_exits.h"
#include "measured.h"
#include "results.h"
#include "run_options.h"
#include "start.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;
using deploy::Format;
using deploy::FormatEntry;

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

// The run that is exported and what belongs to it.
struct Source {
  explicit Source(const Options& options)
      : file(experiment::run_file(options.needed("RUN"))),
        folder(experiment::folder_of_run(options.text("RUN"))),
        sha256(file_sha256(file)),
        state(read_run(file)),
        recipe(experiment::recipe_of(state)),
        best(options.text("checkpoint") == "best"),
        data(data_of_run(state, recipe, options)),
        scorer(state, recipe, at::kCPU, best) {}

  fs::path file, folder;
  std::string sha256;
  RunState state;
  Recipe recipe;
  bool best;
  PreparedData data;
  experiment::Scorer scorer;
};

// What `concertina select` chose of this very state of the run.
Subnet choice_of_run(const Source& source) {
  const fs::path file = source.folder / "choice.ini";
  const Choice choice = read_choice(file);
  if (choice.run_sha256 != source.sha256) {
    throw UsageError(file.string() +
                     " was chosen from another state of the run; `concertina sweep` "
                     "and `concertina select` choose anew, or name --width");
  }
  return choice.subnet;
}

Subnet asked_for(const Source& source, const Options& options) {
  const NetSpec& net = source.state.net;
  const bool named = options.given("width") || options.given("exit");
  if (named && options.given("submodel")) {
    throw UsageError("--submodel and --width or --exit exclude each other" + options.see_help());
  }
  if (options.given("submodel")) {
    return parse_subnet_id(net, source.state.widths, options.text("submodel"));
  }
  Subnet subnet = named ? Subnet{Width(), net.exit_count()} : choice_of_run(source);
  if (options.given("width")) subnet.width = Width::parse(options.text("width"));
  if (options.given("exit")) subnet.exit = static_cast<int>(options.integer("exit"));
  resolve(net, subnet);  // or throws
  return subnet;
}

void make_ready(Source& source, const Subnet& subnet) {
  if (source.scorer.can_score(subnet.width)) return;
  if (source.recipe.norm == NormMode::switchable) {
    throw UsageError("--width " + subnet.width.text() +
                     " was not trained: the run has switchable "
                     "norms, and its widths are " +
                     widths_text(source.state.widths));
  }
  source.scorer.calibrate(subnet.width, source.data);
}

deploy::Card card_of(const Source& source, const std::string& submodel) {
  const RunState& state = source.state;
  deploy::Card card;
  card.submodel = submodel;
  card.classes = state.data.classes;
  card.mean = state.data.mean;
  card.deviation = state.data.deviation;
  card.origin = {{"run", fs::absolute(source.folder).lexically_normal().filename().string()},
                 {"run_sha256", source.sha256},
                 {"recipe_sha256", sha256_hex(state.recipe)},
                 {"epoch", std::to_string(state.progress.epoch)},
                 {"checkpoint", source.best ? "best" : "last"}};
  return card;
}

at::Tensor sample_images(const Source& source, std::int64_t count) {
  const PreparedData& data = source.data;
  const Split& split = data.test.size() > 0 ? data.test : data.train;
  return EvalLoader(split, data.statistics, std::min(count, split.size()), at::kCPU).get(0).images;
}

at::Tensor logits_of(FlexibleNet net, const at::Tensor& images) {
  const at::NoGradGuard guard;
  net.set_engine(Engine::plain);
  return net.forward(images, {Width(), net.spec().exit_count()}, Pass::evaluate, Exits::only)[0];
}

struct Written {
  fs::path file;
  std::string format;
  std::vector<Measurement> rows;
  std::int64_t params = 0;  // in the file
  deploy::Proof proof;
};

fs::path out_file(const Source& source, const Options& options, const std::string& name) {
  return options.given("out") ? fs::path(options.text("out")) : source.folder / name;
}

Written export_one(Source& source, const Options& options) {
  const FormatEntry& format = chosen_format(options);
  const Subnet subnet = asked_for(source, options);
  make_ready(source, subnet);
  const std::string id = subnet_id(source.state.net, subnet);
  const Measured measured =
      measured_of_run(source.state, source.folder, source.sha256, source.best);
  const Measurement row = measured.row(source.state.net, subnet);
  deploy::Card card = card_of(source, id);
  card.accuracy = row.accuracy;
  card.loss = row.loss;
  card.setting = measured.setting;
  const FlexibleNet small = source.scorer.small_net(subnet);
  deploy::PlainNet net = deploy::plain_net(small, card);
  if (!options.flag("no-fold")) net = deploy::fold(net);
  const at::Tensor images = sample_images(source, options.integer("samples"));
  Written written{out_file(source, options, id + format.suffix), format.name, {row}, 0, {}};
  for (const NamedTensor& tensor : net.tensors) written.params += tensor.value.numel();
  written.proof =
      deploy::write_net(net, format.format, written.file, {images, {logits_of(small, images)}});
  return written;
}

Written export_all(Source& source, const Options& options) {
  for (const char* other : {"width", "exit", "submodel", "no-fold"}) {
    if (options.given(other)) {
      throw UsageError(std::string("--all-widths and --") + other + " exclude each other" +
                       options.see_help());
    }
  }
  if (options.given("format") && options.text("format") != "h5") {
    throw UsageError("--all-widths writes h5 only; --format is " + options.text("format"));
  }
  if (source.best) {
    throw UsageError(
        "--all-widths ships the weights that all sub-models share; best checkpoints "
        "have weights of their own (expected --checkpoint last)");
  }
  const RunState& state = source.state;
  const Measured measured = measured_of_run(state, source.folder, source.sha256, false);
  FlexibleNet net = net_of_run(state, source.recipe, at::kCPU);
  deploy::Samples samples{sample_images(source, options.integer("samples")), {}};
  std::vector<Measurement> rows;
  for (const SubnetState& one : state.submodels) {
    if (!net.is_calibrated(one.subnet.width)) continue;
    rows.push_back(measured.row(state.net, one.subnet));
    samples.logits.push_back(logits_of(net.extract(one.subnet, Exits::only), samples.images));
  }
  if (rows.empty()) throw UsageError("the run has no width with statistics yet");
  deploy::Card card = card_of(source, "all");
  card.setting = measured.setting;
  ModelState model = deploy::model_of(net, card, rows);
  model.early_exits = fit_early_exits(net, source.data, options.flag("quiet"));
  Written written{out_file(source, options, "model.h5"), "h5", rows, 0, {}};
  for (const NamedTensor& tensor : model.weights) written.params += tensor.value.numel();
  for (const NormBank& bank : model.norms) {
    for (const NamedTensor& tensor : bank.values) written.params += tensor.value.numel();
  }
  written.proof = deploy::write_all(model, written.file, samples);
  return written;
}

std::string with_power(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0e", value);
  return text;
}

void print(const Written& written, const Options& options) {
  const auto bytes = static_cast<std::int64_t>(fs::file_size(written.file));
  const deploy::Proof& proof = written.proof;
  if (options.flag("json")) {
    Json json = {{"run", options.text("RUN")},
                 {"file", written.file.string()},
                 {"format", written.format},
                 {"file_bytes", bytes},
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
            << ", " << bytes_cell(bytes) << ", " << count_cell(written.params) << " parameters";
  if (written.rows.size() == 1) std::cout << ", " << count_cell(last.cost.macs) << " MACs";
  std::cout << "\nread again and run on " << proof.images << " images: logits differ by at most "
            << with_power(proof.difference)
            << " of the largest (allowed: " << with_power(proof.tolerance) << ")\n";
}

int run(const Options& options) {
  start_on_cpu(options);
  Source source(options);
  const Written written =
      options.flag("all-widths") ? export_all(source, options) : export_one(source, options);
  print(written, options);
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
