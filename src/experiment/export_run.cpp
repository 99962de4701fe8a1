#include "concertina/experiment/export_run.h"

#include <algorithm>

#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/core/hash.h"
#include "concertina/experiment/choice.h"
#include "concertina/experiment/early_exit.h"
#include "concertina/experiment/measured.h"
#include "concertina/experiment/scorer.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

const deploy::FormatEntry& entry_of(deploy::Format format) {
  return *std::find_if(deploy::formats().begin(), deploy::formats().end(),
                       [&](const deploy::FormatEntry& one) { return one.format == format; });
}

void make_ready(const OpenedRun& run, Scorer& scorer, const Subnet& subnet,
                const PreparedData& data) {
  if (scorer.can_score(subnet.width)) return;
  if (run.recipe.norm == NormMode::switchable) {
    throw UsageError("width " + subnet.width.text() +
                     " was not trained: the run has switchable "
                     "norms, and its widths are " +
                     widths_text(run.state.widths));
  }
  scorer.calibrate(subnet.width, data);
}

deploy::Card card_of(const OpenedRun& run, const std::string& submodel, bool best) {
  const RunState& state = run.state;
  deploy::Card card;
  card.submodel = submodel;
  card.classes = state.data.classes;
  card.mean = state.data.mean;
  card.deviation = state.data.deviation;
  card.origin = {{"run", fs::absolute(run.folder).lexically_normal().filename().string()},
                 {"run_sha256", run.sha256},
                 {"recipe_sha256", sha256_hex(state.recipe)},
                 {"epoch", std::to_string(state.progress.epoch)},
                 {"checkpoint", best ? "best" : "last"}};
  return card;
}

at::Tensor sample_images(const PreparedData& data, std::int64_t count) {
  const Split& split = data.test.size() > 0 ? data.test : data.train;
  return EvalLoader(split, data.statistics, std::min(count, split.size()), at::kCPU).get(0).images;
}

at::Tensor logits_of(FlexibleNet net, const at::Tensor& images) {
  const at::NoGradGuard guard;
  net.set_engine(Engine::plain);
  return net.forward(images, {Width(), net.spec().exit_count()}, Pass::evaluate, Exits::only)[0];
}

std::int64_t count_of(const Tensors& tensors) {
  std::int64_t count = 0;
  for (const NamedTensor& tensor : tensors) count += tensor.value.numel();
  return count;
}

void note_size(ExportedFile& exported) {
  exported.bytes = static_cast<std::int64_t>(fs::file_size(exported.file));
}

}  // namespace

ExportedFile export_submodel(const OpenedRun& run, const PreparedData& data,
                             const ExportRequest& request) {
  const deploy::FormatEntry& format = entry_of(request.format);
  Scorer scorer(run.state, run.recipe, at::kCPU, request.best);
  make_ready(run, scorer, request.subnet, data);
  const std::string id = subnet_id(run.state.net, request.subnet);
  const Measured measured = measured_of_run(run.state, run.folder, run.sha256, request.best);
  const Measurement row = measured.row(run.state.net, request.subnet);
  deploy::Card card = card_of(run, id, request.best);
  card.accuracy = row.accuracy;
  card.loss = row.loss;
  card.setting = measured.setting;
  const FlexibleNet small = scorer.small_net(request.subnet);
  deploy::PlainNet net = deploy::plain_net(small, card);
  if (request.fold) net = deploy::fold(net);
  const at::Tensor images = sample_images(data, request.samples);
  const fs::path file = request.file.empty() ? run.folder / (id + format.suffix) : request.file;
  ExportedFile exported{file, format.name, {row}, count_of(net.tensors), 0, {}};
  exported.proof =
      deploy::write_net(net, request.format, file, {images, {logits_of(small, images)}});
  note_size(exported);
  return exported;
}

ExportedFile export_all(const OpenedRun& run, const PreparedData& data, const fs::path& file,
                        std::int64_t samples, const Watch& watch) {
  const RunState& state = run.state;
  const Measured measured = measured_of_run(state, run.folder, run.sha256, false);
  FlexibleNet net = net_of_run(state, run.recipe, at::kCPU);
  deploy::Samples sample{sample_images(data, samples), {}};
  std::vector<Measurement> rows;
  for (const SubnetState& one : state.submodels) {
    if (!net.is_calibrated(one.subnet.width)) continue;
    rows.push_back(measured.row(state.net, one.subnet));
    sample.logits.push_back(logits_of(net.extract(one.subnet, Exits::only), sample.images));
  }
  if (rows.empty()) throw UsageError("the run has no width with statistics yet");
  deploy::Card card = card_of(run, "all", false);
  card.setting = measured.setting;
  ModelState model = deploy::model_of(net, card, rows);
  model.early_exits = fit_early_exits(net, data, watch);
  ExportedFile exported{file.empty() ? run.folder / "model.h5" : file, "h5", rows, 0, 0, {}};
  exported.params = count_of(model.weights);
  for (const NormBank& bank : model.norms) exported.params += count_of(bank.values);
  exported.proof = deploy::write_all(model, exported.file, sample);
  note_size(exported);
  return exported;
}

Subnet chosen_submodel(const OpenedRun& run) {
  const fs::path file = run.folder / "choice.ini";
  const Choice choice = read_choice(file);
  if (choice.run_sha256 != run.sha256) {
    throw UsageError(file.string() + " was chosen from another state of the run");
  }
  return choice.subnet;
}

}  // namespace concertina::experiment
