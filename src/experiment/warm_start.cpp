#include "concertina/experiment/warm_start.h"

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/experiment/run_folder.h"

namespace concertina::experiment {
namespace {

// How many of `to` were found.
std::size_t copy(const Tensors& from, Tensors& to) {
  std::size_t count = 0;
  for (NamedTensor& tensor : to) {
    for (const NamedTensor& other : from) {
      if (other.name != tensor.name || other.value.sizes() != tensor.value.sizes()) continue;
      tensor.value = other.value;
      ++count;
    }
  }
  return count;
}

}  // namespace

void start_from(const std::string& run, RunState& state) {
  const std::filesystem::path file = run_file(run);
  const RunState other = read_run(file);
  std::size_t count = copy(other.weights, state.weights);
  std::size_t all = state.weights.size();
  if (count == 0) {
    throw UsageError("run \"" + run + "\" gives no weights to start with: no weight of net \"" +
                     other.net.name + "\" has the name and shape of one of net \"" +
                     state.net.name + "\"");
  }
  for (NormBank& bank : state.norms) {
    all += bank.values.size();
    for (const NormBank& theirs : other.norms) {
      if (theirs.width == bank.width) count += copy(theirs.values, bank.values);
    }
  }
  state.environment += "start_sha256 = " + file_sha256(file) + "\n";
  log_info("start: " + std::to_string(count) + " of " + std::to_string(all) + " tensors from " +
           file.string());
}

}  // namespace concertina::experiment
