// The flexible network: one set of full weights, one bank of norms a width, and forward(x, subnet).
// Which sub-model runs is passed, never set: nothing here remembers a "current" one.
// Not for: losses (distill), optimizers and files (train, store).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/nn/profile.h"
#include "concertina/spec/resolve.h"

namespace concertina {

namespace fused {
class Engine;
struct Compiled;
struct LayerTensors;
}  // namespace fused

// Batch norm of one layer at one width. All [C] float32, C the width's channels; weight and bias
// are [full C] where widths share them. Of a segmented activation the statistics alone, [1]: of the
// whole map.
struct Norm {
  at::Tensor weight, bias, running_mean, running_var;
};

// docs/methods.md, Batch norm
enum class NormSharing {
  switchable,  // every width has its own weight, bias and statistics
  shared,      // weight and bias are shared and sliced; every width has its own statistics
  calibrated   // as shared, but training leaves the statistics alone: calibrate passes measure them
};
inline bool shares_affine(NormSharing sharing) { return sharing != NormSharing::switchable; }
inline bool moves_statistics(NormSharing sharing) { return sharing != NormSharing::calibrated; }

// What the layers in front of an exit get from all the exits behind them, docs/methods.md, Gradient
// equilibrium.
enum class GradientFlow {
  sum,          // of their gradients
  equilibrium,  // their average; the plain engine trains so
};

struct NetSettings {
  NormSharing sharing = NormSharing::switchable;
  double momentum = 0.1;  // share of the newest batch in the running statistics
  GradientFlow flow = GradientFlow::sum;
};

// Asked after every exit of a pass, counted from 0, with its logits [N, classes]: true = nothing
// more is to be computed.
using Done = std::function<bool(int exit, const at::Tensor& logits)>;

enum class Pass {
  train,      // batch statistics; running ones updated, or left alone (calibrated norms)
  evaluate,   // running statistics
  probe,      // batch statistics; nothing is kept
  calibrate,  // batch statistics; running ones become the exact average over the passes so far
};

// How a pass is computed; the numbers agree within rounding.
enum class Engine {
  automatic,  // fused where it can be: float32 on the CPU and layers it knows; else plain
  plain,      // ATen operations and autograd, any device
  fused       // docs/methods.md, Fused passes
};

// Of a training pass of the fused engine; evaluation is always in float32. docs/methods.md, Fused
// passes
enum class Precision {
  fp32,
  bf16  // maps and products bfloat16; weights, their gradients, statistics and sums float32
};

// Gives this process's threads (kernels/thread_pool.h) to the engine that is going to compute:
// LibTorch's spin for milliseconds after every operation and would hold the fused engine's up.
void give_threads_to(Engine engine);
const char* engine_name(Engine engine);           // "auto", "plain", "fused"
const char* precision_name(Precision precision);  // "fp32", "bf16"

// A trained tensor. `name` is layer path and parameter, for norms of one width with its label
// before: "stem.conv/weight", "w0.500/stem.norm/bias".
struct Parameter {
  std::string name;
  at::Tensor value;
  std::string axes;       // "out,in,height,width", "out,in", "channel", "segment", "layer"
  bool is_matrix;         // weight of a convolution (not depthwise) or linear layer
  bool is_scale = false;  // weight of a norm
};

// Throws DivergedError naming the first tensor with a NaN or infinity, with `what` before its name.
void check_finite(const std::vector<Parameter>& tensors, const std::string& what);

class FlexibleNet {
 public:
  // Initialized as docs/methods.md, MobileNet-V1, says, from the seed alone. `widths` ascend and
  // end with the full one.
  FlexibleNet(NetSpec spec, std::vector<Width> widths, NetSettings settings, std::uint64_t seed,
              at::Device device);

  const NetSpec& spec() const { return spec_; }
  const std::vector<Width>& widths() const { return widths_; }
  NormSharing sharing() const { return settings_.sharing; }
  at::Device device() const { return device_; }

  // Which engine computes from now on, and in training how precisely; automatic and fp32 at first.
  // Throws UsageError when `fused` is asked for and cannot compute this net, and when bf16 is and
  // the engine or the processor has none.
  void set_engine(Engine engine, Precision precision = Precision::fp32);
  // plain or fused: what computes the whole net.
  Engine engine() const { return resolved_engine(wanted_); }
  Precision precision() const { return precision_; }
  // Adds the time of every fused pass from now on, in either direction, those of this net's copies
  // too; null ends it. `into` lives until then.
  void set_profile(Profile* into);

  // images: [N, C, H, W] float32 on device(), which may need a gradient. Gives the logits [N,
  // classes] of exits 1..subnet.exit (Exits::up_to) or of that exit alone (Exits::only), and behind
  // them the outputs of the layers named `taps`, feature maps [N, C, H, W]. Under Pass::train
  // and probe any width may run where norms are shared, and keeps nothing unless it is listed; a
  // switchable net needs a listed one. Throws UsageError otherwise, for images of another shape or
  // none at all, for a tap that the sub-model does not have, and under Pass::evaluate when the
  // width's statistics were never calibrated.
  std::vector<at::Tensor> forward(const at::Tensor& images, const Subnet& subnet, Pass pass,
                                  Exits exits = Exits::up_to,
                                  const std::vector<std::string>& taps = {});

  // Statistics of a width are fit for use: false until calibrate passes or a training gave it some.
  bool is_calibrated(Width width) const;
  // The widths that have a bank of norms, ascending: the listed ones and calibrated further ones.
  std::vector<Width> bank_widths() const;
  // Starts calibration of a width anew (its bank is made if need be).
  void reset_statistics(Width width);
  void set_calibrated(Width width, bool calibrated);
  // Frees what is kept for a width, so that thousands can be tried one after another: packed
  // weights and plans, and the bank unless the width is listed.
  void forget(Width width);

  // Every trained tensor, in the order of the layers; the order never changes for a spec.
  std::vector<Parameter> parameters() const;
  // The full weights of convolutions and linear layers, the slopes and offsets of segmented
  // activations (and shared norm weights): /weights of a file.
  std::vector<Parameter> weights() const;
  // All four tensors of a width's norms, "LAYER/running_mean" and so on; weight and bias sliced to
  // the width where they are shared. The two statistics of its segmented activations too.
  std::vector<Parameter> norms(Width width) const;

  // The sub-model as a net of its own with copied weights: the ordinary small model.
  FlexibleNet extract(const Subnet& subnet, Exits exits) const;

 private:
  friend class FrozenNet;

  struct LayerWeights {
    at::Tensor weight, bias;  // bias of linear layers, and where Layer::bias says so; of segmented
                              // activations the slopes and the offsets, [segments]
  };
  struct Bank {
    bool calibrated = false;
    std::int64_t passes = 0;  // of calibration so far
    std::map<int, Norm> norms;
  };

  void require_fused() const;              // or throws
  void require_bf16(Engine engine) const;  // or throws
  Engine resolved_engine(Engine wanted) const;
  void check_shape(const at::Tensor& images) const;  // or throws
  Bank make_bank(Width width) const;
  // Throws as forward() for a width whose norms this pass cannot take.
  void check_bank(Width width, Pass pass) const;
  // The width's bank; null where a pass needs none.
  Bank* bank_for(Width width, Pass pass);
  // taps: indexes of layers of the spec. `done` is asked after every exit, if at all; once it says
  // yes, nothing more is computed, and further results are undefined.
  std::vector<at::Tensor> forward_plain(const at::Tensor& images, const ResolvedNet& resolved,
                                        const std::vector<int>& taps, Bank* bank, Pass pass,
                                        const Done& done = {}) const;
  std::vector<at::Tensor> forward_fused(const at::Tensor& images,
                                        std::shared_ptr<const fused::Compiled> compiled, Bank* bank,
                                        Pass pass) const;
  // What the fused engine reads of each live layer.
  std::vector<fused::LayerTensors> layer_tensors(const ResolvedNet& resolved, const Bank* bank,
                                                 Pass pass) const;
  // Share of this batch in the running statistics.
  double momentum(const Bank* bank, Pass pass) const;
  // inputs: what the layer reads, in the order of its inputs.
  at::Tensor run_layer(const ResolvedLayer& layer, Bank* bank, Pass pass,
                       const std::vector<at::Tensor>& inputs) const;
  at::Tensor run_norm(const ResolvedLayer& layer, Bank* bank, Pass pass,
                      const at::Tensor& input) const;
  at::Tensor run_segmented(const ResolvedLayer& layer, Bank* bank, Pass pass,
                           const at::Tensor& input) const;
  // Whether this pass moves the running statistics of the bank, null where a width has none.
  bool keeps_statistics(const Bank* bank, Pass pass) const;

  NetSpec spec_;
  std::vector<Width> widths_;
  NetSettings settings_;
  at::Device device_;
  std::map<int, LayerWeights> weights_;  // by layer
  bool has_biases_ = false;              // of convolutions
  std::map<int, Norm> shared_;           // weight and bias, where widths share them
  std::map<Width, Bank> banks_;
  Engine wanted_ = Engine::automatic;
  Precision precision_ = Precision::fp32;
  std::shared_ptr<fused::Engine> fused_;  // caches; copies of a net share them
};

}  // namespace concertina
