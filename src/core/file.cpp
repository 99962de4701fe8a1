#include "concertina/core/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

namespace fs = std::filesystem;

std::string quoted(const fs::path& path) { return "\"" + path.string() + "\""; }
std::string reason(int error) { return std::generic_category().message(error); }

bool is_absence(int error) { return error == ENOENT || error == ENOTDIR; }

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  bool close() { return ::close(release()) == 0; }

 private:
  int number_;
};

// 0, or the errno of the call that failed.
int read_all(int descriptor, std::string& text) {
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return 0;
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) return errno;
  }
}

int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return errno;
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

// The file beside the target; gone again unless it took the target's place.
class PartFile {
 public:
  explicit PartFile(const fs::path& target)
      : target_(target),
        part_(target.string() + ".part"),
        file_(::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (!file_.is_open()) fail("open", errno);
  }
  ~PartFile() {
    if (!placed_) ::unlink(part_.c_str());
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  void write(std::string_view bytes) {
    const int error = write_all(file_.number(), bytes);
    if (error != 0) fail("write", error);
  }
  void place(const FileCheck& check) {
    if (::fsync(file_.number()) != 0) fail("fsync", errno);
    // Some file systems report a full disk or quota only here.
    if (!file_.close()) fail("close", errno);
    if (check) check(part_);
    if (::rename(part_.c_str(), target_.c_str()) != 0) fail("rename", errno);
    placed_ = true;
  }

 private:
  [[noreturn]] void fail(const char* call, int error) const {
    throw IoError("cannot replace " + quoted(target_) + ": " + call + " of " + quoted(part_) +
                  " failed: " + reason(error) + "; the old file, if any, is unchanged");
  }

  fs::path target_;
  fs::path part_;
  Descriptor file_;
  bool placed_ = false;
};

// EINVAL: a file system without this call; the rename is as safe there as it can be. EACCES: a
// folder that may be written but not read.
void sync_folder(const fs::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool done = opened.is_open() && ::fsync(opened.number()) == 0;
  const int error = done ? 0 : errno;
  if (error != 0 && error != EINVAL && error != EACCES) {
    throw IoError("fsync of folder " + quoted(folder) + " failed: " + reason(error));
  }
}

std::string holder(int descriptor) {
  std::string text;
  const int error = read_all(descriptor, text);
  const std::vector<std::string> parts = words(text);
  if (error != 0 || parts.size() != 2) return "another process";
  return "process " + parts[0] + " on " + parts[1];
}

// Only for the message to a second process: a failure (disk full) does not weaken the lock.
void name_holder(int descriptor) {
  std::array<char, 256> host{};
  const bool named = ::gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0';
  const std::string text =
      std::to_string(::getpid()) + " " + (named ? host.data() : "localhost") + "\n";
  if (::ftruncate(descriptor, 0) == 0) write_all(descriptor, text);
}

}  // namespace

std::string read_file(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() && is_absence(errno)) throw NoInputError("no file " + quoted(path));
  std::string text;
  const int error = file.is_open() ? read_all(file.number(), text) : errno;
  if (error != 0) throw IoError("cannot read file " + quoted(path) + ": " + reason(error));
  return text;
}

void replace_file(const fs::path& path, const std::vector<std::string_view>& parts,
                  const FileCheck& check) {
  PartFile file(path);
  for (const std::string_view part : parts) file.write(part);
  file.place(check);
  sync_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

void create_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw IoError("cannot create folder " + quoted(path) + ": " + error.message());
}

FolderLock::FolderLock(const fs::path& folder) {
  const fs::path path = folder / ".lock";
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file.is_open()) {
    const int error = errno;
    if (is_absence(error)) throw NoInputError("no folder " + quoted(folder));
    throw IoError("cannot lock folder " + quoted(folder) + ": open of " + quoted(path) +
                  " failed: " + reason(error));
  }
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EWOULDBLOCK) {
      throw StoppedError("folder " + quoted(folder) + " is in use by " + holder(file.number()) +
                         "; try again when it has ended");
    }
    throw IoError("cannot lock folder " + quoted(folder) + ": flock of " + quoted(path) +
                  " failed: " + reason(error));
  }
  name_holder(file.number());
  descriptor_ = file.release();
}

// The file stays: removing it would let two processes lock two files of one name.
FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace concertina
