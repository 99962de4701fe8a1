#include <sstream>

#include <c10/core/GradMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "concertina/core/error.h"
#include "concertina/deploy/torchscript.h"

namespace concertina::deploy {

at::Tensor run_torchscript(const std::string& bytes, const at::Tensor& images) {
  const at::NoGradGuard guard;
  std::istringstream stream(bytes);
  try {
    return torch::jit::load(stream).forward({images}).toTensor();
  } catch (const c10::Error& error) {
    throw DataError(std::string("TorchScript file: ") + error.what_without_backtrace());
  }
}

}  // namespace concertina::deploy
