// Files of Python's torch read by us, and ours by Python's torch.
#include "concertina/store/state_dict.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include <ATen/Functions.h>
#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"

#include "support/temp_folder.h"

#include "store/run_state.h"
#include "store/state_dicts.h"

namespace concertina {
namespace {

using store_test::expect_equal;
using store_test::expected_state_dict;
using store_test::golden;
using store_test::message_of;
using testing::HasSubstr;

using Metadata = decltype(StateDict::metadata);

// What `name` holds, in folder `folder`.
void expect_file(const std::filesystem::path& folder, const std::string& name) {
  SCOPED_TRACE(folder / name);
  StateDict expected = expected_state_dict();
  if (name.rfind("checkpoint", 0) == 0) {
    expected.metadata = {{"epoch", "160"}, {"arch", "msdnet"}, {"best_prec1", "76.5"}};
  }
  if (name == "bare.safetensors") expected.metadata = {{"format", "pt"}};
  expect_equal(read_state_dict(folder / name), expected);
}

TEST(StateDict, FilesOfTorchAreRead) {
  for (const std::string& name : store_test::golden_names()) expect_file(golden(""), name);
}

TEST(StateDict, OursReadBack) {
  const support::TempFolder folder;
  StateDict state = expected_state_dict();
  state.metadata = {{"a \"b\"", "c\nd"}, {"format", "pt"}};
  folder.write("ours.safetensors", safetensors_bytes(state));
  folder.write("ours.pt", pytorch_bytes(state));
  StateDict sorted = state;
  std::stable_partition(sorted.tensors.begin(), sorted.tensors.end(), [](const NamedTensor& one) {
    return one.value.scalar_type() == at::kLong;
  });
  // An empty tensor has no place of its own among the bytes.
  expect_equal(read_state_dict(folder / "ours.safetensors"), sorted);
  state.metadata.clear();
  expect_equal(read_state_dict(folder / "ours.pt"), state);
}

TEST(StateDict, TheHeaderOfSafetensorsEndsAtEight) {
  StateDict state;
  for (const char* name : {"a", "ab", "abc", "abcd"}) {
    state.tensors = {{name, at::ones({1}), ""}};
    EXPECT_EQ(safetensors_bytes(state).size() % 8, 4U);
  }
}

TEST(StateDict, StoragesOfPyTorchBeginAtMultiplesOf64) {
  StateDict state;
  state.tensors = {{"a", at::full({3}, 7.0), ""}, {"b", at::full({5}, 7.0), ""}};
  const std::string bytes = pytorch_bytes(state);
  std::size_t found = 0;
  const std::string value("\x00\x00\xe0\x40\x00\x00\xe0\x40", 8);
  for (std::size_t at = 0; at + 8 < bytes.size(); at += 64)
    found += bytes.compare(at, 8, value) == 0;
  EXPECT_EQ(found, 2U);
}

TEST(StateDict, OtherFilesAreNamed) {
  const support::TempFolder folder;
  const auto refusal = [](const std::filesystem::path& file) {
    return message_of<DataError>([&] { read_state_dict(file); });
  };
  EXPECT_THROW(read_state_dict(folder / "none.pt"), NoInputError);
  EXPECT_THAT(refusal(folder.write("x.pt", "hello")), HasSubstr("no state dict that is known"));
  EXPECT_THAT(refusal(folder.write("x.pt", "")), HasSubstr("no state dict that is known"));
  EXPECT_THAT(refusal(golden("whole-model.pt")),
              HasSubstr("the object \"torch.nn.modules.linear.Linear\" is none"));
  EXPECT_THAT(refusal(golden("script.pt")), HasSubstr("not torch.jit.save"));
}

// Pythons that might have torch: CONCERTINA_TORCH_PYTHON's, and Debian's.
std::vector<std::string> pythons() {
  const char* named = std::getenv("CONCERTINA_TORCH_PYTHON");
  std::vector<std::string> names = {"/usr/bin/python3"};
  if (named != nullptr && *named != '\0') names.insert(names.begin(), named);
  return names;
}

int script(const std::string& python, const std::string& arguments) {
  const std::string file = std::string(CONCERTINA_SOURCE_DIR) + "/tests/store/torch_state_dicts.py";
  const int status = std::system((python + " " + file + " " + arguments).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StateDict, PythonAndWeReadEachOther) {
  int tried = 0;
  for (const std::string& python : pythons()) {
    if (script(python, "2>/dev/null") != 0) continue;
    ++tried;
    const support::TempFolder folder;
    SCOPED_TRACE(python);
    ASSERT_EQ(script(python, "make " + folder.string()), 0);
    for (const std::string& name : store_test::golden_names()) expect_file(folder.path(), name);
    folder.write("ours.safetensors", safetensors_bytes(expected_state_dict()));
    StateDict ours = expected_state_dict();
    ours.metadata = {{"net", "a net"}, {"classes", "[\"cat\"]"}};
    folder.write("ours.pt", pytorch_bytes(ours));
    EXPECT_EQ(script(python, "check " + folder.string()), 0);
  }
  if (tried == 0) {
    GTEST_SKIP() << "no Python with torch (Debian: python3-torch, or CONCERTINA_TORCH_PYTHON)";
  }
}

}  // namespace
}  // namespace concertina
