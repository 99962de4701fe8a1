#include "concertina/experiment/foreign_weights.h"

#include <algorithm>
#include <set>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina::experiment {
namespace {

constexpr const char* kParallel = "module.";
constexpr const char* kCount = "num_batches_tracked";
constexpr std::size_t kNamed = 3;  // tensors that a message names of each kind

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_parallel(const Tensors& tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const NamedTensor& one) { return one.name.rfind(kParallel, 0) == 0; });
}

// The norm at place k of those of all widths.
std::string counted(std::size_t k) { return ".bn." + std::to_string(k); }

const std::string& module_of(const Layer& layer) {
  return layer.module.empty() ? layer.name : layer.module;
}

std::string shape(const at::Tensor& tensor) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : tensor.sizes()) sizes.push_back(std::to_string(size));
  return "[" + join(sizes, ", ") + "]";
}

// "WHAT: 4 (a, b, c, ...)", when there are any.
void add_complaint(std::vector<std::string>& all, const std::string& what,
                   std::vector<std::string> names) {
  if (names.empty()) return;
  const std::string count = std::to_string(names.size());
  const bool more = names.size() > kNamed;
  if (more) names.resize(kNamed);
  all.push_back(what + ": " + count + " (" + join(names, ", ") + (more ? ", ..." : "") + ")");
}

}  // namespace

ForeignWeights::ForeignWeights(StateDict state, const NameMap& map, std::string name)
    : name_(std::move(name)) {
  const bool parallel = is_parallel(state.tensors);
  std::set<std::string> unused;
  for (const auto& [theirs, ours] : map.tensors()) unused.insert(theirs);
  for (const NamedTensor& one : state.tensors) {
    const std::string theirs = parallel ? one.name.substr(std::string(kParallel).size()) : one.name;
    if (ends_with(theirs, kCount)) continue;
    const auto ours = map.ours(theirs);
    unused.erase(theirs);
    if (ours && ours->empty()) continue;
    const auto [place, is_new] =
        ours ? mapped_.emplace(*ours, one.value) : tensors_.emplace(map.renamed(theirs), one.value);
    if (!is_new) throw DataError(name_ + ": two tensors would be \"" + place->first + "\"");
  }
  std::vector<std::string> complaints;
  add_complaint(complaints, "named by the map, but not in the file",
                {unused.begin(), unused.end()});
  if (!complaints.empty()) throw DataError(name_ + ": " + complaints[0]);
}

const at::Tensor* ForeignWeights::find(const std::string& theirs) const {
  const auto found = tensors_.find(theirs);
  return found == tensors_.end() ? nullptr : &found->second;
}

// Of how many widths the file has norms; 0 where it has none that the net knows by name.
std::size_t ForeignWeights::banks(const NetSpec& net) const {
  for (const Layer& layer : net.layers) {
    if (layer.kind != LayerKind::norm) continue;
    if (find(module_of(layer) + ".running_mean") != nullptr) return 1;
    std::size_t count = 0;
    while (find(module_of(layer) + counted(count) + ".running_mean")) ++count;
    if (count > 0) return count;
  }
  return 0;
}

// Whether the norms are called M.bn.0 and so on, even that of a single width.
bool ForeignWeights::is_counted(const NetSpec& net, std::size_t widths) const {
  for (const Layer& layer : net.layers) {
    if (layer.kind != LayerKind::norm) continue;
    if (find(module_of(layer) + counted(0) + ".running_mean") != nullptr) return true;
  }
  return widths > 1;
}

NormSharing ForeignWeights::sharing(const NetSpec& net) const {
  for (const Layer& layer : net.layers) {
    if (layer.kind != LayerKind::norm) continue;
    const bool has_counted = find(module_of(layer) + counted(0) + ".running_mean") != nullptr;
    if (has_counted && find(module_of(layer) + ".weight")) return NormSharing::calibrated;
  }
  return NormSharing::switchable;
}

std::vector<ForeignWeights::Slot> ForeignWeights::slots(const FlexibleNet& net) const {
  const std::vector<Width>& widths = net.widths();
  const std::size_t found = banks(net.spec());
  // Where the map says which norm is whose, the names need not.
  if (found != 0 && found != widths.size() && mapped_.empty()) {
    throw DataError(name_ + ": widths in its norms: " + std::to_string(found) + ", in the net: " +
                    std::to_string(widths.size()) + "; expected a net of as many widths");
  }
  std::vector<Slot> result;
  for (const Parameter& one : net.weights()) {
    result.push_back({state_dict_name(net.spec(), one.name), one.name, one.value});
  }
  const bool is_shared = shares_affine(net.sharing());
  const bool has_places = is_counted(net.spec(), widths.size());
  for (std::size_t k = 0; k < widths.size(); ++k) {
    for (const Parameter& one : net.norms(widths[k])) {
      const bool is_affine = ends_with(one.name, "/weight") || ends_with(one.name, "/bias");
      if (is_affine && is_shared) continue;  // among the weights
      result.push_back({state_dict_name(net.spec(), one.name, has_places ? counted(k) : ""),
                        widths[k].label() + "/" + one.name, one.value});
    }
  }
  return result;
}

void ForeignWeights::copy_into(FlexibleNet& net) const {
  const at::NoGradGuard guard;
  std::vector<std::string> missing, wrong, unknown, wild;
  std::set<std::string> used, used_by_map;
  for (const Slot& slot : slots(net)) {
    const auto mapped = mapped_.find(slot.ours);
    const bool is_mapped = mapped != mapped_.end();
    const at::Tensor* value = is_mapped ? &mapped->second : find(slot.theirs);
    (is_mapped ? used_by_map : used).insert(is_mapped ? slot.ours : slot.theirs);
    if (value == nullptr) {
      missing.push_back(slot.theirs);
    } else if (value->sizes() != slot.into.sizes() || value->scalar_type() != at::kFloat) {
      const bool is_integer = value->scalar_type() == at::kLong;
      wrong.push_back(slot.theirs + ": " + shape(*value) + (is_integer ? " integers" : "") +
                      " found, " + shape(slot.into) + " expected");
    } else if (!at::isfinite(*value).all().item<bool>()) {
      wild.push_back(slot.theirs);
    } else {
      at::Tensor(slot.into.detach()).copy_(*value);
    }
  }
  for (const auto& [name, value] : tensors_) {
    if (used.count(name) == 0) unknown.push_back(name);
  }
  for (const auto& [name, value] : mapped_) {
    if (used_by_map.count(name) == 0) unknown.push_back(name);
  }
  std::vector<std::string> complaints;
  add_complaint(complaints, "not in the file", missing);
  add_complaint(complaints, "not in the net", unknown);
  add_complaint(complaints, "of another shape or type", wrong);
  add_complaint(complaints, "not finite", wild);
  if (!complaints.empty()) {
    throw DataError(name_ + " does not fit net \"" + net.spec().name +
                    "\": " + join(complaints, "; "));
  }
  for (const Width width : net.widths()) net.set_calibrated(width, true);
}

}  // namespace concertina::experiment
