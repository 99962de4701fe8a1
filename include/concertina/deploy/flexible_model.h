// A model.h5 made ready to run: lists its sub-models, runs any of them by value, picks one by
// budget, and leaves a net with several exits as early as an image allows. On the CPU, in float32.
// Not for: training or writing files (deploy/export.h).
//
//   const auto model = deploy::FlexibleModel::load("mb1.h5");
//   Budget budget;
//   budget.max_macs = 20e6;
//   const Measurement& choice = model.pick(budget);
//   at::Tensor logits = model.forward(model.normalize(pixels), choice.subnet);
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/nn/flexible_net.h"
#include "concertina/select/select.h"
#include "concertina/store/model_file.h"

namespace concertina::deploy {

// The net of such a file with its weights and norms, on the CPU.
FlexibleNet net_of_model(const ModelState& state);

// Copies share everything. Every member may be called by several threads at once; nothing remembers
// which sub-model ran last, and no setting of the process is changed.
class FlexibleModel {
 public:
  // threads: the most that one call computes with; 0 = kernels::thread_count(), the cores there
  // are. Throws NoInputError, IoError, DataError.
  static FlexibleModel load(const std::filesystem::path& file, int threads = 0);
  explicit FlexibleModel(ModelState state, int threads = 0);

  const NetSpec& net() const;
  const std::vector<std::string>& classes() const;  // names of the logits
  // What it was made from: "run_sha256" and so on; "" for what is not known.
  std::string origin(const std::string& key) const;

  // Smallest first: id, cost, and accuracy, loss and latency where they were measured (else NaN).
  const std::vector<Measurement>& submodels() const;
  // Throws UsageError naming the nearest id.
  const Measurement& submodel(const std::string& id) const;
  // The most accurate one within the budget (select/select.h). Throws NoChoiceError.
  const Measurement& pick(const Budget& budget) const;

  // pixels: [N, C, H, W] uint8. Gives [N, C, H, W] float32: (pixel / 255 - mean) / deviation.
  at::Tensor normalize(const at::Tensor& pixels) const;

  // images: [N, C, H, W] float32, normalized. The logits [N, classes] of the sub-model; only layers
  // that lead to its exit are computed. Throws UsageError for a sub-model that is not listed and
  // for images of another shape.
  at::Tensor forward(const at::Tensor& images, const Subnet& subnet) const;

  // Early exit at that width: empty, or the thresholds that were fitted on held-out images,
  // ascending by average MACs.
  const std::vector<ExitPolicy>& exit_policies(Width width = Width()) const;
  // The most accurate of them within the budget. Throws NoChoiceError.
  const ExitPolicy& pick_exits(double max_average_macs, Width width = Width()) const;
  // Each image is computed up to the exit at which its largest softmax probability is not below
  // that exit's threshold, and no further.
  struct EarlyOutputs {
    at::Tensor logits;       // [N, classes]
    std::vector<int> exits;  // of each image, the exit that answered; 1 is the first
    int exit_count = 1;      // of the net
    std::vector<std::int64_t> counts() const;  // of images that left at each exit, from exit 1 on
  };
  EarlyOutputs forward_early(const at::Tensor& images, const ExitPolicy& policy,
                             Width width = Width()) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace concertina::deploy
