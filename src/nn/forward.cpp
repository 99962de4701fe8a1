// FlexibleNet::forward: which bank of norms, which engine.
#include <algorithm>

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/kernels/matmul.h"
#include "concertina/kernels/thread_pool.h"
#include "concertina/nn/flexible_net.h"

#include "fused_engine.h"
#include "slices.h"

namespace concertina {
namespace {

std::string shape_text(at::IntArrayRef sizes) {
  std::vector<std::string> parts;
  for (const std::int64_t size : sizes) parts.push_back(std::to_string(size));
  return join(parts, "x");
}

// The layers of those names. Throws UsageError for one that the sub-model does not have.
std::vector<int> find_taps(const NetSpec& spec, const Subnet& subnet, Exits exits,
                           const std::vector<std::string>& names) {
  std::vector<int> taps;
  if (names.empty()) return taps;
  std::vector<std::string> known;
  const ResolvedNet resolved = resolve(spec, subnet, exits);
  for (const ResolvedLayer& layer : resolved.layers) {
    known.push_back(spec.layers[static_cast<std::size_t>(layer.layer)].name);
  }
  for (const std::string& name : names) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      const std::string near = nearest(name, known);
      throw UsageError("tap \"" + name + "\": " + subnet_id(spec, subnet) + " of net \"" +
                       spec.name + "\" has no such layer; " +
                       (near.empty() ? "expected the name of one of its layers"
                                     : "did you mean \"" + near + "\"?"));
    }
    taps.push_back(resolved.layers[static_cast<std::size_t>(found - known.begin())].layer);
  }
  return taps;
}

Width first_quantized(const std::vector<Width>& widths) {
  return *std::find_if(widths.begin(), widths.end(), [](Width one) { return one.is_quantized(); });
}

}  // namespace

void give_threads_to(Engine engine) {
  at::set_num_threads(engine == Engine::fused ? 1 : kernels::thread_count());
}

const char* engine_name(Engine engine) {
  if (engine == Engine::automatic) return "auto";
  return engine == Engine::plain ? "plain" : "fused";
}

const char* precision_name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : "bf16";
}

void FlexibleNet::check_bank(Width width, Pass pass) const {
  const auto found = banks_.find(width);
  if (found == banks_.end()) {
    const bool needs_none = pass == Pass::train || pass == Pass::probe;
    if (needs_none && shares_affine(sharing())) return;
    throw UsageError("width " + width.text() + " is not one of the net's: " + widths_text(widths_));
  }
  if (pass == Pass::evaluate && !found->second.calibrated) {
    throw UsageError("width " + width.text() + " of net \"" + spec_.name +
                     "\" has no norm statistics yet; train or calibrate it first");
  }
}

FlexibleNet::Bank* FlexibleNet::bank_for(Width width, Pass pass) {
  check_bank(width, pass);
  const auto found = banks_.find(width);
  return found == banks_.end() ? nullptr : &found->second;
}

double FlexibleNet::momentum(const Bank* bank, Pass pass) const {
  return pass == Pass::calibrate ? 1.0 / static_cast<double>(bank->passes + 1) : settings_.momentum;
}

void FlexibleNet::set_engine(Engine engine, Precision precision) {
  if (engine == Engine::fused) require_fused();
  if (precision == Precision::bf16) require_bf16(engine);
  wanted_ = engine;
  precision_ = precision;
}

void FlexibleNet::require_bf16(Engine engine) const {
  if (resolved_engine(engine) != Engine::fused) {
    throw UsageError("precision \"bf16\": the plain engine computes net \"" + spec_.name +
                     "\", in float32; expected the fused engine, or precision fp32");
  }
  if (!kernels::has_bfloat16()) {
    throw UsageError(
        "precision \"bf16\": this processor has no bfloat16 products; expected precision fp32");
  }
}

void FlexibleNet::require_fused() const {
  const std::string what = "engine \"fused\" cannot compute net \"" + spec_.name + "\"";
  if (!device_.is_cpu()) {
    throw UsageError(what + " on " + device_.str() + "; expected the cpu, or engine plain");
  }
  if (settings_.flow == GradientFlow::equilibrium) {
    throw UsageError(what + " with gradient equilibrium; expected engine auto or plain");
  }
  if (any_quantized(widths_)) {
    throw UsageError(what + " at width " + first_quantized(widths_).text() +
                     ", which rounds to fewer bits; expected engine auto or plain");
  }
  if (fused_->compiled(spec_, {Width(), spec_.exit_count()}, Exits::up_to, {}) == nullptr) {
    const fused::Unfit& why = fused_->why();
    throw UsageError(what + ": layer \"" + why.layer + "\" " + why.reason +
                     "; expected engine auto or plain");
  }
}

Engine FlexibleNet::resolved_engine(Engine wanted) const {
  const bool plainly = settings_.flow == GradientFlow::equilibrium || any_quantized(widths_);
  if (wanted == Engine::plain || !device_.is_cpu() || plainly) return Engine::plain;
  const Subnet whole{Width(), spec_.exit_count()};
  return fused_->compiled(spec_, whole, Exits::up_to, {}) ? Engine::fused : Engine::plain;
}

void FlexibleNet::set_profile(Profile* into) { fused_->set_profile(into); }

void FlexibleNet::check_shape(const at::Tensor& images) const {
  const std::vector<std::int64_t> one{spec_.in_channels, spec_.in_height, spec_.in_width};
  if (images.dim() == 4 && images.size(0) > 0 && images.sizes().slice(1) == at::IntArrayRef(one)) {
    return;
  }
  throw UsageError("images of shape " + shape_text(images.sizes()) + "; net \"" + spec_.name +
                   "\" expects N of " + shape_text(one));
}

std::vector<at::Tensor> FlexibleNet::forward(const at::Tensor& images, const Subnet& subnet,
                                             Pass pass, Exits exits,
                                             const std::vector<std::string>& taps) {
  check_shape(images);
  const std::vector<int> tapped = find_taps(spec_, subnet, exits, taps);
  Bank* bank = bank_for(subnet.width, pass);
  // The fused engine has no backward pass into a convolution's bias, which only exported nets have.
  const bool fits = !has_biases_ || (pass == Pass::evaluate && !at::GradMode::is_enabled());
  // Nor into the images, nor with another flow of gradients, and it keeps what it sees of a batch.
  const bool plainly = pass == Pass::probe ||
                       (at::GradMode::is_enabled() && images.requires_grad()) ||
                       (pass == Pass::train && settings_.flow == GradientFlow::equilibrium);
  const bool may_fuse = wanted_ != Engine::plain && device_.is_cpu() &&
                        images.scalar_type() == at::kFloat && fits && !plainly &&
                        !any_quantized(widths_);
  const auto compiled = may_fuse ? fused_->compiled(spec_, subnet, exits, tapped) : nullptr;
  const std::vector<at::Tensor> results =
      compiled != nullptr
          ? forward_fused(images, compiled, bank, pass)
          : forward_plain(images, resolve(spec_, subnet, exits), tapped, bank, pass);
  if (bank != nullptr && pass == Pass::calibrate) ++bank->passes;
  if (pass == Pass::train && keeps_statistics(bank, pass)) bank->calibrated = true;
  return results;
}

std::vector<at::Tensor> FlexibleNet::forward_fused(const at::Tensor& images,
                                                   std::shared_ptr<const fused::Compiled> compiled,
                                                   Bank* bank, Pass pass) const {
  fused::PassSetting setting{pass, momentum(bank, pass)};
  if (pass == Pass::train) setting.precision = precision_;
  std::vector<fused::LayerTensors> tensors = layer_tensors(compiled->resolved, bank, pass);
  return fused_->run(images, std::move(compiled), std::move(tensors), setting);
}

std::vector<fused::LayerTensors> FlexibleNet::layer_tensors(const ResolvedNet& resolved,
                                                            const Bank* bank, Pass pass) const {
  const bool shared = shares_affine(sharing());
  std::vector<fused::LayerTensors> tensors;
  for (const ResolvedLayer& layer : resolved.layers) {
    fused::LayerTensors& one = tensors.emplace_back();
    if (has_weight(spec_.layers[static_cast<std::size_t>(layer.layer)])) {
      const LayerWeights& weights = weights_.at(layer.layer);
      one.weight = weights.weight;
      one.bias = weights.bias;
    }
    if (spec_.layers[static_cast<std::size_t>(layer.layer)].kind != LayerKind::norm) continue;
    const Norm& norm = shared ? shared_.at(layer.layer) : bank->norms.at(layer.layer);
    one.weight = norm.weight;
    one.bias = norm.bias;
    if (pass != Pass::evaluate && !keeps_statistics(bank, pass)) continue;
    one.running_mean = bank->norms.at(layer.layer).running_mean;
    one.running_var = bank->norms.at(layer.layer).running_var;
  }
  return tensors;
}

}  // namespace concertina
