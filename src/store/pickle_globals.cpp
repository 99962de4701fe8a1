#include "pickle_globals.h"

#include <array>

namespace concertina::pickle {
namespace {

using c10::ScalarType;

constexpr Global storage_of(std::string_view name, ScalarType type) {
  return {"torch", name, Meaning::storage, type};
}
constexpr Global skipped(std::string_view module, std::string_view name) {
  return {module, name, Meaning::skipped, ScalarType::Undefined};
}

constexpr std::array kGlobals = {
    Global{"collections", "OrderedDict", Meaning::ordered_dict},
    Global{"torch._utils", "_rebuild_tensor_v2", Meaning::rebuild_tensor},
    Global{"torch._utils", "_rebuild_tensor", Meaning::rebuild_tensor},  // before 0.4
    Global{"torch._utils", "_rebuild_parameter", Meaning::rebuild_parameter},
    storage_of("FloatStorage", ScalarType::Float),
    storage_of("DoubleStorage", ScalarType::Double),
    storage_of("HalfStorage", ScalarType::Half),
    storage_of("BFloat16Storage", ScalarType::BFloat16),
    storage_of("LongStorage", ScalarType::Long),
    storage_of("IntStorage", ScalarType::Int),
    storage_of("ShortStorage", ScalarType::Short),
    storage_of("CharStorage", ScalarType::Char),
    storage_of("ByteStorage", ScalarType::Byte),
    storage_of("BoolStorage", ScalarType::Bool),
    // What checkpoints have beside the state dict: accuracies as NumPy's numbers, sizes, settings.
    skipped("numpy.core.multiarray", "scalar"),
    skipped("numpy._core.multiarray", "scalar"),
    skipped("numpy.core.multiarray", "_reconstruct"),
    skipped("numpy._core.multiarray", "_reconstruct"),
    skipped("numpy", "dtype"),
    skipped("numpy", "ndarray"),
    skipped("_codecs", "encode"),
    skipped("torch", "Size"),
    skipped("torch", "device"),
    skipped("torch.serialization", "_get_layout"),
    skipped("collections", "defaultdict"),
    skipped("collections", "Counter"),
    skipped("__builtin__", "set"),
    skipped("builtins", "set"),
    skipped("__builtin__", "dict"),
    skipped("builtins", "dict"),
    skipped("argparse", "Namespace"),
};

}  // namespace

int find_global(std::string_view module, std::string_view name) {
  for (std::size_t k = 0; k < kGlobals.size(); ++k) {
    if (kGlobals[k].module == module && kGlobals[k].name == name) return static_cast<int>(k);
  }
  return -1;
}

const Global& global(std::int64_t index) { return kGlobals[static_cast<std::size_t>(index)]; }

}  // namespace concertina::pickle
