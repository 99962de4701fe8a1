// The files of torch.save: finding the pickle and the storages in them.
#pragma once

#include <string>
#include <string_view>

#include "concertina/store/state_dict.h"

namespace concertina::pytorch {

// The zip archive of PyTorch 1.6 and later.
StateDict read_archive(std::string_view bytes, const std::string& where);
// The plain file before: five pickles, and the storages behind them.
StateDict read_legacy(std::string_view bytes, const std::string& where);
bool is_legacy(std::string_view bytes);

}  // namespace concertina::pytorch
