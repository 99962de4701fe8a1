// A sub-model as a file that others read, and every sub-model as one file of ours. What was written
// is read again and compared before it takes its name. Not for: choosing the sub-model (select).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "concertina/deploy/plain_net.h"
#include "concertina/store/model_file.h"

namespace concertina::deploy {

enum class Format {
  h5,           // model.h5 (store/model_file.h), which FlexibleModel reads
  onnx,         // deploy/onnx.h
  torchscript,  // deploy/torchscript.h
  safetensors,  // a state dict under state_dict_name()
  pt            // the same as PyTorch's own file
};

struct FormatEntry {
  Format format;
  std::string name;    // "onnx"
  std::string suffix;  // ".onnx"
};
const std::vector<FormatEntry>& formats();

// The network as model.h5 holds it: one sub-model.
ModelState model_of(const PlainNet& net);
// The same with every calibrated width of the net. `submodels`: one row a sub-model, ascending.
ModelState model_of(const FlexibleNet& net, const Card& card, std::vector<Measurement> submodels);

// How far logits that were read again may be from the net's, as a share of the largest: folding
// and other kernels sum in another order, a few ulp a layer.
constexpr double kExportTolerance = 1e-4;
// The same where activations jump (lma, fewer bits): what lies at a jump may then fall on its other
// side.
constexpr double kJumpTolerance = 1e-2;

struct Proof {
  std::int64_t images = 0;
  double difference = 0;  // the largest between two logits, as a share of the largest logit
  double tolerance = kExportTolerance;  // that it was held to
};

// Images and what the net in training says of them: the logits [N, classes] of each sub-model.
struct Samples {
  at::Tensor images;  // [N, C, H, W] float32, normalized
  std::vector<at::Tensor> logits;
};

// Writes the file, reads it again, runs it on the samples, and only then gives it its name. Throws
// IoError, and DataError when the difference is beyond the tolerance; the old file, or none, stays
// then.
Proof write_net(const PlainNet& net, Format format, const std::filesystem::path& file,
                const Samples& samples);
Proof write_all(const ModelState& model, const std::filesystem::path& file, const Samples& samples);

}  // namespace concertina::deploy
