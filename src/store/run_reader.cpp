#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/hash.h"
#include "concertina/core/text.h"
#include "concertina/spec/resolve.h"
#include "concertina/store/run_file.h"

#include "image_file.h"
#include "object_reader.h"
#include "tables.h"
#include "tensor_list.h"

namespace concertina {
namespace {

using h5::StoredGroup;

std::vector<Width> read_widths(const StoredGroup& submodels) {
  std::vector<Width> widths;
  try {
    widths = parse_widths(submodels.text("widths"));
  } catch (const UsageError& error) {
    submodels.refuse(error.what());
  }
  return widths;
}

Progress read_progress(const StoredGroup& group) {
  Progress progress;
  progress.epoch = group.integer("epoch");
  progress.step_in_epoch = group.integer("step_in_epoch");
  progress.step = group.integer("step");
  progress.best_score = group.real("best_score");
  progress.best_epoch = group.integer("best_epoch");
  progress.finished = group.flag("finished");
  progress.partial_sums = group.data("partial_sums").as_reals();
  return progress;
}

DataDescription read_data(const StoredGroup& group) {
  DataDescription data;
  data.argument = group.text("argument");
  data.limit = group.integer("limit");
  data.train_images = group.integer("train_images");
  data.validation_images = group.integer("validation_images");
  data.test_images = group.integer("test_images");
  data.sha256 = group.text("sha256");
  data.classes = group.data("classes").as_texts();
  data.mean = group.data("mean").as_floats();
  data.deviation = group.data("deviation").as_floats();
  return data;
}

Table read_table(const StoredGroup& group) {
  Table table;
  for (const StoredGroup::Entry& entry : group.entries()) {
    table.push_back({entry.name, entry.data.text("unit"), entry.data.as_reals()});
    if (table.back().values.size() != table.front().values.size()) {
      entry.data.refuse(std::to_string(table.back().values.size()) + " values found, " +
                        std::to_string(table.front().values.size()) + " expected as in \"" +
                        table.front().name + "\"");
    }
  }
  return table;
}

class RunReader {
 public:
  RunReader(const StoredGroup& root, bool with_tensors) : root_(root), tensors_(with_tensors) {}

  RunState read() {
    h5::check_identity(root_, "concertina-run");
    state_.net = read_spec(root_.data("net").as_text());
    state_.recipe = root_.text("recipe");
    state_.environment = root_.data("environment").as_text();
    state_.data = read_data(root_.group("data"));
    state_.seed = root_.group("rng").whole("seed");
    state_.progress = read_progress(root_.group("progress"));
    const StoredGroup history = root_.group("history");
    state_.train_history = read_table(history.group("train"));
    state_.valid_history = read_table(history.group("valid"));
    state_.evaluations = h5::read_evaluations(root_.group("evaluations"));
    if (tensors_) {
      state_.weights = tensors(root_.group("weights"), {Width(), state_.net.exit_count()});
      read_plan_parts();
      state_.momentum = h5::read_tensors(root_.group("optimizer").group("momentum"));
    }
    read_submodels(root_.group("submodels"));
    read_snapshots();
    return std::move(state_);
  }

 private:
  Tensors tensors(const StoredGroup& group, const Subnet& subnet) const {
    if (!tensors_) return {};
    return h5::read_tensors(group, state_.net, resolve(state_.net, subnet));
  }

  void read_snapshots() {
    if (!root_.has("snapshots")) return;
    const StoredGroup all = root_.group("snapshots");
    for (const std::string& node : words(all.text("nodes"))) {
      const StoredGroup group = all.group(node);
      const Subnet subnet = parse_subnet_id(state_.net, state_.widths, group.text("submodel"));
      state_.snapshots.push_back({node, subnet, tensors(group.group("weights"), subnet),
                                  tensors(group.group("norm"), subnet)});
    }
  }

  void read_plan_parts() {
    if (!root_.has("distill")) return;
    state_.auxiliary_modules = h5::read_tensors(root_.group("distill"));
    for (NamedTensor& tensor : state_.auxiliary_modules) tensor.name.insert(0, "distill/");
  }

  void read_submodels(const StoredGroup& all) {
    state_.widths = read_widths(all);
    for (const Subnet& subnet : all_subnets(state_.net, state_.widths)) {
      const StoredGroup group = all.group(subnet_id(state_.net, subnet));
      if (subnet.exit == 1) read_norm(group.group("norm"), subnet.width);
      state_.submodels.push_back({subnet, std::nullopt});
      if (group.has("best")) state_.submodels.back().best = read_best(group.group("best"), subnet);
    }
  }

  void read_norm(const StoredGroup& group, Width width) {
    const Subnet last{width, state_.net.exit_count()};
    state_.norms.push_back({width, group.flag("calibrated"), tensors(group, last)});
  }

  BestState read_best(const StoredGroup& group, const Subnet& subnet) const {
    BestState best;
    best.epoch = group.integer("epoch");
    best.accuracy = group.real("accuracy");
    best.loss = group.real("loss");
    best.weights = tensors(group.group("weights"), subnet);
    best.norm = tensors(group.group("norm"), subnet);
    return best;
  }

  const StoredGroup& root_;
  bool tensors_;
  RunState state_;
};

RunState read(const std::filesystem::path& file, bool with_tensors) {
  std::string bytes = h5::read_sealed(file, "run");
  const h5::Guard guard;
  try {
    const h5::Handle image = h5::open_image(bytes);
    const std::size_t limit = bytes.size();
    std::string().swap(bytes);  // libhdf5 has its own copy
    const StoredGroup root = StoredGroup::root(image, limit);
    return RunReader(root, with_tensors).read();
  } catch (const h5::Fault& fault) {
    throw DataError(file.string() + ": " + fault.what());
  } catch (const Error& error) {
    throw DataError(file.string() + ": " + error.what());
  }
}

}  // namespace

RunState read_run(const std::filesystem::path& file) { return read(file, true); }

RunState read_run_summary(const std::filesystem::path& file) { return read(file, false); }

std::string file_sha256(const std::filesystem::path& file) { return sha256_hex(read_file(file)); }

}  // namespace concertina
