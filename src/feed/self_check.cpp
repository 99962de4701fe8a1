#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>

#include <ATen/core/Formatting.h>
#include <ATen/core/Tensor.h>

#include "concertina/core/error.h"
#include "concertina/feed/dataset.h"

namespace concertina {
namespace {

// More images of one class than this many times another class's is worth a warning.
constexpr std::int64_t kUnbalanced = 2;

[[noreturn]] void fail(const Dataset& dataset, const std::string& what) {
  throw DataError(dataset.name + ": " + what);
}

std::string describe(const at::Tensor& tensor) {
  if (!tensor.defined()) return "nothing";
  std::ostringstream text;
  text << tensor.sizes() << ' ' << c10::toString(tensor.scalar_type()) << " on " << tensor.device()
       << (tensor.is_contiguous() ? "" : ", not contiguous");
  return text.str();
}

bool is_plain(const at::Tensor& tensor, std::int64_t dimensions, at::ScalarType type) {
  return tensor.defined() && tensor.dim() == dimensions && tensor.scalar_type() == type &&
         tensor.is_cpu() && tensor.is_contiguous();
}

void check_layout(const Dataset& dataset, const Split& split, const std::string& part) {
  if (!is_plain(split.images, 4, at::kByte))
    fail(dataset, part + " images are " + describe(split.images) + ", expected [N, C, H, W] uint8");
  if (!is_plain(split.labels, 1, at::kLong))
    fail(dataset, part + " labels are " + describe(split.labels) + ", expected [N] int64");
  if (split.images.numel() == 0)
    fail(dataset, part + " images are " + describe(split.images) + ", expected at least one pixel");
  if (split.images.size(0) != split.labels.size(0))
    fail(dataset, part + " has " + std::to_string(split.images.size(0)) + " images and " +
                      std::to_string(split.labels.size(0)) + " labels, expected as many of each");
}

void check_same_size(const Dataset& dataset) {
  if (dataset.train.images.sizes().slice(1) != dataset.test.images.sizes().slice(1))
    fail(dataset, "test images are " + describe(dataset.test.images) + ", expected the size of " +
                      "the train images, " + describe(dataset.train.images));
}

std::vector<std::int64_t> count_labels(const Dataset& dataset, const Split& split,
                                       const std::string& part) {
  const auto classes = static_cast<std::int64_t>(dataset.classes.size());
  std::vector<std::int64_t> counts(dataset.classes.size(), 0);
  const auto* labels = split.labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < split.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes)
      fail(dataset, part + " label " + std::to_string(i) + " is " + std::to_string(labels[i]) +
                        ", expected 0.." + std::to_string(classes - 1));
    ++counts[static_cast<std::size_t>(labels[i])];
  }
  return counts;
}

std::string class_name(const Dataset& dataset, std::size_t label) {
  return std::to_string(label) + " (" + dataset.classes[label] + ")";
}

void check_all_present(const Dataset& dataset, const std::vector<std::int64_t>& counts) {
  if (counts.size() < 2)
    fail(dataset, "has " + std::to_string(counts.size()) + " classes, expected 2 or more");
  const auto missing = std::find(counts.begin(), counts.end(), 0);
  if (missing != counts.end())
    fail(dataset, "class " +
                      class_name(dataset, static_cast<std::size_t>(missing - counts.begin())) +
                      " has 0 of " + std::to_string(dataset.train.size()) +
                      " train images, expected at least 1 of every class");
}

void check_not_constant(const Dataset& dataset, const Split& split, const std::string& part) {
  const auto* pixels = split.images.data_ptr<std::uint8_t>();
  const auto* end = pixels + split.images.numel();
  if (std::all_of(pixels, end, [first = *pixels](std::uint8_t p) { return p == first; }))
    fail(dataset, "every pixel of the " + part + " images is " + std::to_string(*pixels) +
                      ", expected pictures");
}

std::string_view image_bytes(const Split& split, std::int64_t index) {
  const std::int64_t size = split.images.numel() / split.size();
  const auto* bytes = static_cast<const char*>(split.images.data_ptr());
  return {bytes + index * size, static_cast<std::size_t>(size)};
}

std::int64_t count_duplicates(const Dataset& dataset) {
  std::unordered_set<std::string_view> seen;
  seen.reserve(static_cast<std::size_t>(dataset.train.size()));
  for (std::int64_t i = 0; i < dataset.train.size(); ++i)
    seen.insert(image_bytes(dataset.train, i));
  std::int64_t duplicates = 0;
  for (std::int64_t i = 0; i < dataset.test.size(); ++i)
    if (seen.count(image_bytes(dataset.test, i)) > 0) ++duplicates;
  return duplicates;
}

std::vector<std::string> find_warnings(const Dataset& dataset, const SelfCheck& check) {
  std::vector<std::string> warnings;
  const auto& counts = check.class_counts;
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  if (*most > kUnbalanced * *least)
    warnings.push_back(dataset.name + ": unbalanced classes: " + std::to_string(*most) +
                       " train images of " +
                       class_name(dataset, static_cast<std::size_t>(most - counts.begin())) + ", " +
                       std::to_string(*least) + " of " +
                       class_name(dataset, static_cast<std::size_t>(least - counts.begin())));
  if (check.duplicates > 0)
    warnings.push_back(dataset.name + ": " + std::to_string(check.duplicates) + " of " +
                       std::to_string(dataset.test.size()) +
                       " test images are also train images, byte for byte");
  return warnings;
}

}  // namespace

SelfCheck self_check(const Dataset& dataset) {
  check_layout(dataset, dataset.train, "train");
  check_layout(dataset, dataset.test, "test");
  check_same_size(dataset);
  SelfCheck check;
  check.class_counts = count_labels(dataset, dataset.train, "train");
  count_labels(dataset, dataset.test, "test");
  check_all_present(dataset, check.class_counts);
  check_not_constant(dataset, dataset.train, "train");
  check_not_constant(dataset, dataset.test, "test");
  check.statistics = pixel_statistics(dataset.train);
  check.duplicates = count_duplicates(dataset);
  check.warnings = find_warnings(dataset, check);
  return check;
}

}  // namespace concertina
