// The readers behind the catalog, one file each. Not for: the self-check (feed), which every
// dataset goes through afterwards.
#pragma once

#include <string>

#include "concertina/feed/dataset.h"

namespace concertina::readers {

// All throw NoInputError when a file is missing, DataError when one is damaged, IoError when one
// cannot be read. `folder` is the one that holds the files, or the one that the archive made it in.
Dataset cifar10(const std::string& folder);
Dataset cifar100(const std::string& folder);         // the 100 fine labels
Dataset cifar100_coarse(const std::string& folder);  // the 20 coarse labels
Dataset idx(const std::string& folder);
Dataset shapes(const std::string& unused);

}  // namespace concertina::readers
