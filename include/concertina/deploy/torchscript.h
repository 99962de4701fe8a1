// A network as a TorchScript file, for torch::jit::load in C++ and torch.jit.load in Python.
// LibTorch 2 calls TorchScript deprecated and still reads and writes it; nothing else here knows
// it. Not for: writing it to the disk (core/file.h).
#pragma once

#include <memory>
#include <string>

#include "concertina/deploy/plain_net.h"

namespace concertina::deploy {

// The bytes of the file: a module in evaluation mode whose forward takes images [N, channels,
// height, width] float32 and gives logits [N, classes]. Its state_dict has the names of
// state_dict_name(); its attributes are classes (List[str]), mean and deviation (List[float]) and
// facts (Dict[str, str]), and the extra file "concertina.json" holds the facts too.
std::string torchscript_bytes(const PlainNet& net);

// Such a file, or another one whose forward takes images and gives a tensor, ready to run.
class TorchScript {
 public:
  explicit TorchScript(const std::string& bytes);  // throws DataError
  // images: [N, channels, height, width] float32 on the CPU. Gives logits [N, classes], without
  // gradient. Throws DataError.
  at::Tensor run(const at::Tensor& images) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};
at::Tensor run_torchscript(const std::string& bytes, const at::Tensor& images);

}  // namespace concertina::deploy
