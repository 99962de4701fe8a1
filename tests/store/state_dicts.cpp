#include "store/state_dicts.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

namespace concertina::store_test {
namespace {

at::Tensor values(int place, at::IntArrayRef sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return at::arange(count, at::kFloat).div(8).sub(place).reshape(sizes);
}

at::Tensor integers(const std::vector<std::int64_t>& numbers, at::IntArrayRef sizes) {
  return at::tensor(numbers, at::kLong).reshape(sizes);
}

}  // namespace

StateDict expected_state_dict() {
  StateDict state;
  state.tensors = {{"module.conv.weight", values(0, {2, 3, 2, 2}), ""},
                   {"module.half", values(1, {3, 4}), ""},
                   {"module.brain", values(2, {3}), ""},
                   {"module.double", values(3, {2}), ""},
                   {"module.parameter", values(4, {5}), ""},
                   {"module.part", values(5, {6}), ""},
                   {"module.turned", values(6, {3, 2}), ""},
                   {"module.bn.num_batches_tracked", integers({70000}, {}), ""},
                   {"module.bytes", integers({1, 255}, {2}), ""},
                   {"module.truths", integers({1, 0}, {2}), ""},
                   {"module.empty", at::zeros({0, 3}), ""}};
  return state;
}

void expect_equal(const StateDict& found, const StateDict& expected) {
  ASSERT_EQ(found.tensors.size(), expected.tensors.size());
  for (std::size_t k = 0; k < found.tensors.size(); ++k) {
    const NamedTensor& one = found.tensors[k];
    const NamedTensor& other = expected.tensors[k];
    EXPECT_EQ(one.name, other.name);
    ASSERT_EQ(one.value.scalar_type(), other.value.scalar_type()) << one.name;
    ASSERT_EQ(one.value.sizes(), other.value.sizes()) << one.name;
    EXPECT_TRUE(one.value.is_contiguous()) << one.name;
    EXPECT_TRUE(one.value.equal(other.value)) << one.name << "\n" << one.value;
  }
  EXPECT_EQ(found.metadata, expected.metadata);
}

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(CONCERTINA_SOURCE_DIR) / "tests/store/golden" / name;
}

const std::vector<std::string>& golden_names() {
  static const std::vector<std::string> names = {
      "bare.pt",       "model-protocol4.pt",   "legacy-protocol4.pt",
      "checkpoint.pt", "checkpoint-legacy.pt", "bare.safetensors"};
  return names;
}

}  // namespace concertina::store_test
