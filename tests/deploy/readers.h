// Programs of others that run an exported file: PROGRAM FILE CHANNELS HEIGHT WIDTH, images on its
// standard input and logits on its standard output, both float32. They run the first image alone
// and the others as one batch.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "concertina/deploy/plain_net.h"
#include "concertina/nets/catalog.h"

#include "support/temp_folder.h"

#include "every_kind.h"
#include "example.h"

namespace concertina::deploy {

// What the command writes to its standard output. Throws unless it ends with 0.
inline std::string output_of(const support::TempFolder& folder, const std::string& command) {
  const std::string file = (folder / "output").string();
  const int status = std::system((command + " > " + file).c_str());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("failed: " + command);
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline bool succeeds(const std::string& command) {
  return std::system((command + " > /dev/null 2>&1").c_str()) == 0;
}

inline std::string quoted(const std::string& text) { return "'" + text + "'"; }

// The interpreter that an environment variable names, or "".
inline std::string python_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr || *value == '\0' ? "" : quoted(value);
}

inline std::string script(const std::string& name) {
  return " " + quoted(std::string(CONCERTINA_SOURCE_DIR) + "/tests/deploy/" + name);
}

// images: [N, C, H, W]; gives logits [N, classes].
inline at::Tensor logits_from(const std::string& program, const std::string& file,
                              const at::Tensor& images) {
  const support::TempFolder folder;
  folder.write("model", file);
  folder.write("images", {static_cast<const char*>(images.data_ptr()), images.nbytes()});
  std::string command = program + " " + (folder / "model").string();
  for (int k = 1; k < 4; ++k) command += " " + std::to_string(images.size(k));
  std::string bytes = output_of(folder, command + " < " + (folder / "images").string());
  const auto count = static_cast<std::int64_t>(bytes.size() / sizeof(float));
  return at::from_blob(bytes.data(), {count}).clone().view({images.size(0), -1});
}

// Of each kind one: folded ones, one with exits and concats, ones that keep their norms.
inline std::vector<PlainNet> exported_nets() {
  std::vector<PlainNet> nets;
  const auto take = [&](const FlexibleNet& net, const Subnet& subnet, bool folded) {
    const PlainNet plain = plain_net(net.extract(subnet, Exits::only), example_card());
    nets.push_back(folded ? fold(plain) : plain);
  };
  const Width half = Width::from_thousandths(500);
  const FlexibleNet tiny = example_net("slimmable-mobilenet-v1-tiny");
  take(tiny, {Width(), 1}, true);
  take(tiny, {half, 1}, false);
  take(example_net("slimmable-mobilenet-v1-small"), {half, 1}, true);
  const FlexibleNet msdnet = example_net("msdnet-tiny");
  take(msdnet, {half, 2}, true);
  take(msdnet, {Width(), 3}, false);
  const FlexibleNet every = example_net(every_kind_spec());
  take(every, {Width(), 1}, true);
  take(every, {Width(), 1}, false);
  return nets;
}

// Compares what `program` makes of write(net) with the net itself, on batches of 1 and 3 images.
template <typename Write>
void expect_same_logits(const std::string& program, const Write& write, double tolerance) {
  for (const PlainNet& plain : exported_nets()) {
    FlexibleNet net = net_of(plain);
    const at::Tensor images = images_for(plain.spec, 4);
    const at::Tensor found = logits_from(program, write(plain), images);
    EXPECT_TRUE(close(found, logits_of(net, images, {}), tolerance))
        << plain.spec.name << " of " << plain.tensors.size() << " tensors";
  }
}

}  // namespace concertina::deploy
