// A network as a TorchScript file, for torch::jit::load in C++ and torch.jit.load in Python.
// LibTorch 2 calls TorchScript deprecated and still reads and writes it; nothing else here knows
// it. Not for: writing it to the disk (core/file.h).
#pragma once

#include <string>

#include "concertina/deploy/plain_net.h"

namespace concertina::deploy {

// The bytes of the file: a module in evaluation mode whose forward takes images [N, channels,
// height, width] float32 and gives logits [N, classes]. Its state_dict has the names of
// state_dict_name(); its attributes are classes (List[str]), mean and deviation (List[float]) and
// facts (Dict[str, str]), and the extra file "concertina.json" holds the facts too.
std::string torchscript_bytes(const PlainNet& net);

// What such a file says of images [N, channels, height, width] float32: logits [N, classes]. Throws
// DataError.
at::Tensor run_torchscript(const std::string& bytes, const at::Tensor& images);

}  // namespace concertina::deploy
