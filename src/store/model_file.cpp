#include "concertina/store/model_file.h"

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "image_file.h"
#include "object_reader.h"
#include "object_writer.h"
#include "tables.h"
#include "tensor_list.h"

namespace concertina {
namespace {

using h5::Group;
using h5::StoredGroup;

constexpr const char* kFormat = "concertina-model";

std::string origin_of(const ModelState& state, const std::string& key) {
  for (const auto& [name, value] : state.origin) {
    if (name == key) return value;
  }
  return "";
}

// [policies, exits], row by row.
template <class T, class Values>
std::vector<T> flat(const EarlyExit& early, const Values& values) {
  std::vector<T> all;
  for (const ExitPolicy& policy : early.policies) {
    const auto& of = values(policy);
    all.insert(all.end(), of.begin(), of.end());
  }
  return all;
}

void write_early_exit(const Group& all, const EarlyExit& early) {
  const Group group = all.group(early.width.label());
  group.set_integer("images", early.images);
  std::vector<double> macs, accuracy;
  for (const ExitPolicy& policy : early.policies) {
    macs.push_back(policy.average_macs);
    accuracy.push_back(policy.accuracy);
  }
  const auto thresholds = flat<float>(early, [](const auto& one) { return one.thresholds; });
  const auto shares = flat<double>(early, [](const auto& one) { return one.shares; });
  const hsize_t count = early.policies.size();
  const hsize_t exits = count == 0 ? 0 : thresholds.size() / count;
  group.reals("average_macs", macs);
  group.reals("accuracy", accuracy);
  group.dataset("thresholds", H5T_IEEE_F32LE, {count, exits}, thresholds.data());
  group.dataset("shares", H5T_IEEE_F64LE, {count, exits}, shares.data());
}

std::string build_model(const ModelState& state) {
  const h5::Handle file = h5::new_image(0);
  const Group root = Group::root(file);
  h5::write_identity(root, {kFormat, origin_of(state, "run_sha256"), "submodels"});
  root.text("net", write_spec(state.net));
  const Group input = root.group("input");
  input.floats("mean", state.mean);
  input.floats("deviation", state.deviation);
  root.texts("classes", state.classes);
  const Group origin = root.group("origin");
  std::vector<std::string> keys;
  for (const auto& [key, value] : state.origin) {
    keys.push_back(key);
    origin.text(key, value);
  }
  origin.set_text("keys", join(keys, " "));
  h5::write_tensors(root.group("weights"), state.weights);
  const Group norms = root.group("norms");
  std::vector<Width> widths;
  for (const NormBank& bank : state.norms) {
    widths.push_back(bank.width);
    h5::write_tensors(norms.group(bank.width.label()), bank.values);
  }
  norms.set_text("widths", widths_text(widths));
  const Group submodels = root.group("submodels");
  h5::write_setting(submodels, state.setting);
  h5::write_measurements(submodels, state.submodels, "sub-models");
  const Group early = root.group("early_exit");
  widths.clear();
  for (const EarlyExit& one : state.early_exits) {
    widths.push_back(one.width);
    write_early_exit(early, one);
  }
  early.set_text("widths", widths_text(widths));
  return h5::image_bytes(file);
}

std::vector<Width> widths_of(const StoredGroup& group) {
  const std::string text = group.text("widths");
  return text.empty() ? std::vector<Width>() : parse_widths(text);
}

template <class T>
std::vector<T> rows_of(const StoredGroup& group, const char* name, hid_t type, std::size_t rows,
                       std::size_t columns) {
  const h5::StoredData data = group.data(name);
  const h5::Dims dims = data.dims(type, 2);
  if (dims != h5::Dims{rows, columns})
    data.refuse("is not one row a policy and one column an exit");
  std::vector<T> values(rows * columns);
  if (!values.empty()) data.read(type, values.data());
  return values;
}

EarlyExit read_early_exit(const StoredGroup& group, Width width, std::size_t exits) {
  EarlyExit early;
  early.width = width;
  early.images = group.integer("images");
  const std::vector<double> macs = group.data("average_macs").as_reals();
  const std::vector<double> accuracy = group.data("accuracy").as_reals();
  if (accuracy.size() != macs.size()) group.refuse("accuracy is not one a policy");
  const auto thresholds = rows_of<float>(group, "thresholds", H5T_IEEE_F32LE, macs.size(), exits);
  const auto shares = rows_of<double>(group, "shares", H5T_IEEE_F64LE, macs.size(), exits);
  for (std::size_t k = 0; k < macs.size(); ++k) {
    const auto from = static_cast<std::ptrdiff_t>(k * exits);
    const auto to = static_cast<std::ptrdiff_t>((k + 1) * exits);
    early.policies.push_back({{thresholds.begin() + from, thresholds.begin() + to},
                              macs[k],
                              accuracy[k],
                              {shares.begin() + from, shares.begin() + to}});
  }
  return early;
}

ModelState read_root(const StoredGroup& root) {
  h5::check_identity(root, kFormat);
  ModelState state;
  state.net = read_spec(root.data("net").as_text());
  const int exits = state.net.exit_count();
  const StoredGroup input = root.group("input");
  state.mean = input.data("mean").as_floats();
  state.deviation = input.data("deviation").as_floats();
  state.classes = root.data("classes").as_texts();
  const StoredGroup origin = root.group("origin");
  for (const std::string& key : words(origin.text("keys"))) {
    state.origin.emplace_back(key, origin.data(key).as_text());
  }
  const auto tensors = [&](const StoredGroup& group, Width width) {
    return h5::read_tensors(group, state.net, resolve(state.net, {width, exits}));
  };
  state.weights = tensors(root.group("weights"), Width());
  const StoredGroup norms = root.group("norms");
  for (const Width width : widths_of(norms)) {
    state.norms.push_back({width, true, tensors(norms.group(width.label()), width)});
  }
  const StoredGroup submodels = root.group("submodels");
  state.setting = h5::read_setting(submodels);
  state.submodels = h5::read_measurements(submodels);
  const StoredGroup early = root.group("early_exit");
  for (const Width width : widths_of(early)) {
    state.early_exits.push_back(
        read_early_exit(early.group(width.label()), width, static_cast<std::size_t>(exits)));
  }
  return state;
}

// What parts of a model say of each other.
void check_model(const ModelState& state) {
  const auto channels = static_cast<std::size_t>(state.net.in_channels);
  if (state.mean.size() != channels || state.deviation.size() != channels) {
    throw DataError("mean and deviation are not one a channel of the images");
  }
  if (state.classes.size() != static_cast<std::size_t>(state.net.classes)) {
    throw DataError("there are " + std::to_string(state.classes.size()) +
                    " names of classes for a net of " + std::to_string(state.net.classes));
  }
  std::vector<Width> widths;
  for (const NormBank& bank : state.norms) widths.push_back(bank.width);
  const std::vector<Subnet> subnets = all_subnets(state.net, widths);
  bool same = subnets.size() == state.submodels.size() && !widths.empty();
  for (std::size_t k = 0; same && k < subnets.size(); ++k) {
    same = subnets[k] == state.submodels[k].subnet;
  }
  if (!same) throw DataError("the table of sub-models does not fit the widths and exits");
}

}  // namespace

void write_model(const std::filesystem::path& file, const ModelState& state,
                 const FileCheck& check) {
  std::string image;
  try {
    const h5::Guard guard;  // not around `check`, which may read the file
    image = build_model(state);
  } catch (const h5::Fault& fault) {
    throw IoError(file.string() + ": cannot be built: " + fault.what());
  }
  h5::write_sealed(file, image, check);
}

ModelState read_model(const std::filesystem::path& file) {
  const std::string bytes = h5::read_sealed(file, "model");
  const h5::Guard guard;
  try {
    const h5::Handle image = h5::open_image(bytes);
    ModelState state = read_root(StoredGroup::root(image, bytes.size()));
    check_model(state);
    return state;
  } catch (const h5::Fault& fault) {
    throw DataError(file.string() + ": " + fault.what());
  } catch (const Error& error) {
    throw DataError(file.string() + ": " + error.what());
  }
}

bool is_model_file(const std::filesystem::path& file) {
  const h5::Guard guard;
  try {
    const std::string bytes = h5::read_sealed(file, "model");
    const h5::Handle image = h5::open_image(bytes);
    return StoredGroup::root(image, bytes.size()).text("format") == kFormat;
  } catch (const h5::Fault&) {
    return false;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace concertina
