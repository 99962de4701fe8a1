#include "concertina/store/state_dict.h"

#include "concertina/core/error.h"
#include "concertina/core/file.h"

#include "pytorch_file.h"
#include "safetensors.h"
#include "zip.h"

namespace concertina {

StateDict parse_state_dict(std::string_view bytes, const std::string& name) {
  if (bytes.substr(0, zip::kMagic.size()) == zip::kMagic) {
    return pytorch::read_archive(bytes, name);
  }
  if (pytorch::is_legacy(bytes)) return pytorch::read_legacy(bytes, name);
  if (safetensors::is(bytes)) return safetensors::read(bytes, name);
  throw DataError(name +
                  ": no state dict that is known; expected a safetensors file or what "
                  "torch.save writes");
}

StateDict read_state_dict(const std::filesystem::path& file) {
  return parse_state_dict(read_file(file), file.string());
}

}  // namespace concertina
