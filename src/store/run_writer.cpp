#include <algorithm>
#include <stdexcept>

#include "concertina/core/error.h"
#include "concertina/core/hash.h"
#include "concertina/core/text.h"
#include "concertina/store/run_file.h"

#include "image_file.h"
#include "object_writer.h"
#include "tables.h"
#include "tensor_list.h"

namespace concertina {
namespace {

using h5::Group;

// Only a trainer can break these.
void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

void check_state(const RunState& state) {
  const std::vector<Subnet> subnets = all_subnets(state.net, state.widths);
  require(subnets.size() == state.submodels.size(), "RunState::submodels: not all_subnets()");
  for (std::size_t i = 0; i < subnets.size(); ++i) {
    require(subnets[i] == state.submodels[i].subnet, "RunState::submodels: not all_subnets()");
  }
  require(state.norms.size() == state.widths.size(), "RunState::norms: not one a width");
  for (std::size_t i = 0; i < state.widths.size(); ++i) {
    require(state.norms[i].width == state.widths[i], "RunState::norms: not in the widths' order");
  }
  for (const Table* table : {&state.train_history, &state.valid_history}) {
    for (const Column& column : *table) {
      require(column.values.size() == table->front().values.size(), "Table: unequal columns");
    }
  }
}

// Bytes of the file, roughly: growing beyond costs one copy of it.
std::size_t expected_bytes(const RunState& state) {
  constexpr std::size_t kOverhead = 2048;  // headers and its share of a group, for one tensor
  std::size_t bytes = 1U << 20;
  const auto add = [&bytes](const Tensors& tensors) {
    for (const NamedTensor& tensor : tensors) bytes += kOverhead + tensor.value.nbytes();
  };
  add(state.weights);
  add(state.auxiliary_modules);
  add(state.momentum);
  for (const NormBank& bank : state.norms) add(bank.values);
  for (const SnapshotState& snapshot : state.snapshots) {
    add(snapshot.weights);
    add(snapshot.norm);
  }
  for (const SubnetState& submodel : state.submodels) {
    if (!submodel.best) continue;
    add(submodel.best->weights);
    add(submodel.best->norm);
  }
  return bytes;
}

void write_best(const Group& group, const BestState& best) {
  group.set_integer("epoch", best.epoch);
  group.set_real("accuracy", best.accuracy);
  group.set_real("loss", best.loss);
  write_tensors(group.group("weights"), best.weights);
  write_tensors(group.group("norm"), best.norm);
}

void write_snapshots(const Group& root, const RunState& state) {
  if (state.snapshots.empty()) return;
  const Group all = root.group("snapshots");
  std::vector<std::string> names;
  for (const SnapshotState& snapshot : state.snapshots) {
    const Group group = all.group(snapshot.node);
    group.set_text("submodel", subnet_id(state.net, snapshot.subnet));
    write_tensors(group.group("weights"), snapshot.weights);
    write_tensors(group.group("norm"), snapshot.norm);
    names.push_back(snapshot.node);
  }
  all.set_text("nodes", join(names, " "));
}

// Sub-models of one width share one norm group under several names.
void write_submodels(const Group& root, const RunState& state) {
  const Group all = root.group("submodels");
  all.set_text("widths", widths_text(state.widths));
  auto submodel = state.submodels.begin();
  for (const NormBank& bank : state.norms) {
    const Group first = all.group(subnet_id(state.net, submodel->subnet));
    const Group norm = first.group("norm");
    norm.set_flag("calibrated", bank.calibrated);
    write_tensors(norm, bank.values);
    if (submodel->best) write_best(first.group("best"), *submodel->best);
    for (++submodel; submodel != state.submodels.end() && submodel->subnet.width == bank.width;
         ++submodel) {
      const Group next = all.group(subnet_id(state.net, submodel->subnet));
      next.link("norm", norm);
      if (submodel->best) write_best(next.group("best"), *submodel->best);
    }
  }
}

void write_progress(const Group& root, const RunState& state) {
  const Progress& progress = state.progress;
  const Group rng = root.group("rng");
  rng.set_unsigned("seed", state.seed);
  rng.set_integer("epoch", progress.epoch);
  rng.set_integer("step", progress.step);
  const Group group = root.group("progress");
  group.set_integer("epoch", progress.epoch);
  group.set_integer("step_in_epoch", progress.step_in_epoch);
  group.set_integer("step", progress.step);
  group.set_real("best_score", progress.best_score);
  group.set_integer("best_epoch", progress.best_epoch);
  group.set_flag("finished", progress.finished);
  group.reals("partial_sums", progress.partial_sums);
}

void write_data(const Group& root, const DataDescription& data) {
  const Group group = root.group("data");
  group.set_text("argument", data.argument);
  group.set_integer("limit", data.limit);
  group.set_integer("train_images", data.train_images);
  group.set_integer("validation_images", data.validation_images);
  group.set_integer("test_images", data.test_images);
  group.set_text("sha256", data.sha256);
  group.texts("classes", data.classes);
  group.floats("mean", data.mean);
  group.floats("deviation", data.deviation);
}

void write_table(const Group& group, const Table& table) {
  std::int64_t index = 0;
  for (const Column& column : table) {
    const h5::Object data = group.reals(column.name, column.values);
    data.set_text("unit", column.unit);
    data.set_integer("index", index++);
  }
}

std::string build_run(const RunState& state) {
  const h5::Handle file = h5::new_image(expected_bytes(state));
  const Group root = Group::root(file);
  h5::write_identity(root, {"concertina-run", state.data.sha256, "evaluations"});
  root.set_text("recipe", state.recipe);
  root.set_text("recipe_sha256", sha256_hex(state.recipe));
  root.text("net", write_spec(state.net));
  root.text("environment", state.environment);
  write_data(root, state.data);
  write_progress(root, state);
  write_table(root.group("history/train"), state.train_history);
  write_table(root.group("history/valid"), state.valid_history);
  h5::write_evaluations(root.group("evaluations"), state.evaluations);
  write_tensors(root.group("weights"), state.weights);
  write_tensors(root, state.auxiliary_modules);  // their names begin with "distill/"
  write_tensors(root.group("optimizer/momentum"), state.momentum);
  write_snapshots(root, state);
  write_submodels(root, state);
  return h5::image_bytes(file);
}

}  // namespace

void write_run(const std::filesystem::path& file, const RunState& state) {
  check_state(state);
  const h5::Guard guard;
  try {
    h5::write_sealed(file, build_run(state));
  } catch (const h5::Fault& fault) {
    throw IoError(file.string() + ": cannot be built: " + fault.what());
  }
}

}  // namespace concertina
