#include <sstream>

#include <c10/core/GradMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "concertina/core/error.h"
#include "concertina/deploy/torchscript.h"

namespace concertina::deploy {

namespace {

template <class Action>
auto guarded(const Action& action) {
  try {
    return action();
  } catch (const c10::Error& error) {
    throw DataError(std::string("TorchScript file: ") + error.what_without_backtrace());
  }
}

}  // namespace

struct TorchScript::Impl {
  torch::jit::Module module;
};

TorchScript::TorchScript(const std::string& bytes) {
  std::istringstream stream(bytes);
  impl_ = guarded([&] { return std::make_shared<Impl>(Impl{torch::jit::load(stream)}); });
  impl_->module.eval();
}

at::Tensor TorchScript::run(const at::Tensor& images) const {
  const at::NoGradGuard guard;
  return guarded([&] { return impl_->module.forward({images}).toTensor(); });
}

at::Tensor run_torchscript(const std::string& bytes, const at::Tensor& images) {
  return TorchScript(bytes).run(images);
}

}  // namespace concertina::deploy
