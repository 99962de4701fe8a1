// Whole files: read, replace atomically, and the lock of a run folder.
// Not for: HDF5 (store), streams that grow (train's metrics).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace concertina {

// Throws NoInputError when the file is not there, IoError when it cannot be read.
std::string read_file(const std::filesystem::path& path);

// Writes `parts` one after another to `path`.part, then fsync, rename, fsync(folder). On any
// failure (disk full, quota, no permission) the .part file is removed, the old file stays as it
// was, and IoError says which call failed on which file and why. `check`, if there is one, may look
// at what was written before it takes the name; what it throws leaves the old file as well.
using FileCheck = std::function<void(const std::filesystem::path& written)>;
void replace_file(const std::filesystem::path& path, const std::vector<std::string_view>& parts,
                  const FileCheck& check = {});

// Creates the folder and its parents. Throws IoError.
void create_folder(const std::filesystem::path& path);

// Holds `folder`/.lock (flock, with process id and host inside) until destroyed; the system drops
// it when the process dies. The file itself stays. Throws StoppedError naming the holder when
// another process has it, NoInputError when the folder is not there, IoError when it cannot be
// locked.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace concertina
