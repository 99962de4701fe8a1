// State dicts as files, the way PyTorch and safetensors write them, in and out. Reading runs
// nothing: the pickle in a PyTorch file is read by a machine of our own that knows tensors and
// plain values only (docs/decisions.md). Not for: what the names mean to a net of ours (cli,
// import).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "concertina/store/run_file.h"

namespace concertina {

struct StateDict {
  // Names as in the file ("features.0.0.weight"), each once, in its order. Values contiguous on the
  // CPU: float32 (float16, bfloat16 and float64 are converted), or int64 of any integer type and of
  // truth values. Axes are empty.
  Tensors tensors;
  // Of safetensors its __metadata__; of a PyTorch checkpoint the texts and numbers beside its state
  // dict ("epoch", "160").
  std::vector<std::pair<std::string, std::string>> metadata;
};

// .safetensors, and what torch.save writes: the zip archive, and the plain file of PyTorch before
// 1.6. Which of them is found out from the bytes. Of a checkpoint with further things the state
// dict is what stands under "state_dict", "model" or "model_state_dict", the first there is. Throws
// NoInputError, IoError, and DataError naming the file and the offset, the entry or the tensor:
// damaged, of another kind, with objects other than tensors and plain values, or with tensors that
// do not fit in their storage. Takes memory in proportion to the file, never more.
StateDict read_state_dict(const std::filesystem::path& file);
// The same of a file's bytes; `name` stands in the messages.
StateDict parse_state_dict(std::string_view bytes, const std::string& name);

// The bytes of a file that the safetensors package reads; int64 tensors come first, so that every
// value is aligned.
std::string safetensors_bytes(const StateDict& state);
// The bytes of a file that torch.load(weights_only=True) gives an OrderedDict of tensors for, with
// the metadata as its attribute `metadata`, a dict, which read_state_dict() leaves out. Throws
// DataError beyond 4 GiB.
std::string pytorch_bytes(const StateDict& state);

}  // namespace concertina
