// A network as an ONNX file: operator set 10 and IR version 5, which every reader we know of takes.
// Not for: writing it to the disk (core/file.h).
#pragma once

#include <string>

#include "concertina/deploy/plain_net.h"

namespace concertina::deploy {

// The bytes of the file. Input "images" [N, channels, height, width] float32, N any; output
// "logits" [N, classes] float32. A node has the name of its layer, a weight that of
// state_dict_name(), and the metadata are facts(). Throws UsageError when it would reach 2 GiB,
// more than a protobuf file can hold.
std::string onnx_bytes(const PlainNet& net);

// What such a file says of images [N, channels, height, width] float32: logits [N, classes]. For
// checking what was written: it knows no other operators. Throws DataError.
at::Tensor run_onnx(const std::string& bytes, const at::Tensor& images);

}  // namespace concertina::deploy
