#include "zip.h"

#include "concertina/core/error.h"
#include "concertina/core/hash.h"

#include "byte_reader.h"

namespace concertina::zip {
namespace {

constexpr std::string_view kDirectoryMagic = "PK\x01\x02";
constexpr std::string_view kEndMagic = "PK\x05\x06";
constexpr std::string_view kEnd64Magic = "PK\x06\x06";
constexpr std::string_view kLocator64Magic = "PK\x06\x07";
constexpr std::size_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22, kLocator64Size = 20;
constexpr std::uint64_t kIn64 = 0xffffffffU;  // the value stands in the zip64 field
constexpr std::uint64_t kMaxEntries = 200000;
constexpr std::size_t kAlignment = 64;

struct Entry {
  std::string name;
  std::uint64_t crc = 0, size = 0, offset = 0;
};

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::map<std::string, std::string_view> read() {
    find_directory();
    std::map<std::string, std::string_view> entries;
    for (std::uint64_t k = 0; k < count_; ++k) {
      const Entry entry = next_entry();
      if (!entries.emplace(entry.name, contents(entry)).second) {
        refuse("the entry \"" + entry.name + "\" stands twice");
      }
    }
    return entries;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    throw DataError(where_ + ": " + problem);
  }
  std::string_view piece(std::uint64_t offset, std::uint64_t size) const {
    return bytes::piece(bytes_, offset, size, where_);
  }
  std::uint64_t number(std::uint64_t offset, std::size_t size) const {
    return bytes::number(piece(offset, size));
  }

  // torch.save writes no comment, so the end record is the file's last bytes; others may write one.
  std::size_t find_end() const {
    const std::size_t found = bytes_.rfind(kEndMagic);
    if (found == std::string_view::npos || bytes_.size() - found < kEndSize ||
        bytes_.size() - found > kEndSize + 0xffff) {
      refuse("truncated or damaged: the zip archive has no directory at its end");
    }
    return found;
  }

  void find_directory() {
    const std::size_t end = find_end();
    count_ = number(end + 10, 2);
    at_ = number(end + 16, 4);
    if (end < kLocator64Size || piece(end - kLocator64Size, 4) != kLocator64Magic) {
      return check_count();
    }
    const std::uint64_t end64 = number(end - kLocator64Size + 8, 8);
    if (piece(end64, 4) != kEnd64Magic) refuse("damaged: the zip archive's 64-bit end is missing");
    count_ = number(end64 + 32, 8);
    at_ = number(end64 + 48, 8);
    check_count();
  }

  void check_count() const {
    if (count_ > kMaxEntries || count_ > bytes_.size() / kDirectorySize) {
      refuse("damaged: the zip archive names " + std::to_string(count_) + " entries");
    }
  }

  Entry next_entry() {
    if (piece(at_, 4) != kDirectoryMagic) refuse("damaged: the zip archive's directory ends early");
    const std::uint64_t flags = number(at_ + 8, 2), method = number(at_ + 10, 2);
    const std::uint64_t packed = number(at_ + 20, 4);
    const std::uint64_t name = number(at_ + 28, 2), extra = number(at_ + 30, 2);
    Entry entry;
    entry.name = piece(at_ + kDirectorySize, name);
    entry.crc = number(at_ + 16, 4);
    entry.size = number(at_ + 24, 4);
    entry.offset = number(at_ + 42, 4);
    if ((flags & 1U) != 0) refuse("the entry \"" + entry.name + "\" is encrypted");
    if (method != 0 || (packed != entry.size && packed != kIn64)) {
      refuse("the entry \"" + entry.name +
             "\" is compressed; expected what torch.save writes, not torch.jit.save");
    }
    take_zip64(entry, packed, piece(at_ + kDirectorySize + name, extra));
    at_ += kDirectorySize + name + extra + number(at_ + 32, 2);
    return entry;
  }

  // Field 1 of the extra data has those of size, packed size and offset that need 64 bits, in
  // order.
  void take_zip64(Entry& entry, std::uint64_t packed, std::string_view extra) const {
    const std::string where = where_ + ": entry \"" + entry.name + "\"";
    while (extra.size() >= 4) {
      const std::uint64_t id = bytes::number(extra.substr(0, 2));
      std::string_view field = bytes::piece(extra, 4, bytes::number(extra.substr(2, 2)), where);
      extra.remove_prefix(4 + field.size());
      if (id != 1) continue;
      const auto take = [&] {
        const std::uint64_t value = bytes::number(bytes::piece(field, 0, 8, where));
        field.remove_prefix(8);
        return value;
      };
      if (entry.size == kIn64) entry.size = take();
      if (packed == kIn64) take();
      if (entry.offset == kIn64) entry.offset = take();
    }
  }

  std::string_view contents(const Entry& entry) const {
    if (piece(entry.offset, 4) != kMagic) {
      refuse("damaged: the entry \"" + entry.name + "\" is not where the directory says");
    }
    const std::uint64_t name = number(entry.offset + 26, 2), extra = number(entry.offset + 28, 2);
    const std::string_view found = piece(entry.offset + kLocalSize + name + extra, entry.size);
    // torch.serialization.set_crc32_options(False) writes zeros.
    if (entry.crc != 0 && crc32(found) != entry.crc) {
      refuse("damaged: the bytes of the entry \"" + entry.name + "\" do not give its checksum");
    }
    return found;
  }

  std::string_view bytes_;
  const std::string& where_;
  std::uint64_t count_ = 0, at_ = 0;
};

// What local and directory header have in common: from the version needed to the extra's length.
std::string common_header(const std::string& name, std::string_view contents, std::size_t extra) {
  const std::size_t size = contents.size();
  return bytes::text(20, 2) + bytes::text(0x800, 2) /* UTF-8 */ + bytes::text(0, 2) +
         bytes::text(0, 2) + bytes::text(0x21, 2) /* 1980-01-01 */ +
         bytes::text(crc32(contents), 4) + bytes::text(size, 4) + bytes::text(size, 4) +
         bytes::text(name.size(), 2) + bytes::text(extra, 2);
}

}  // namespace

std::map<std::string, std::string_view> read(std::string_view bytes, const std::string& where) {
  return Reader(bytes, where).read();
}

std::string write(const std::vector<std::pair<std::string, std::string_view>>& entries) {
  std::string archive, directory;
  for (const auto& [name, contents] : entries) {
    const std::size_t offset = archive.size();
    const std::size_t bare = offset + kLocalSize + name.size() + 4;
    const std::size_t padding = (kAlignment - bare % kAlignment) % kAlignment;
    archive += kMagic;
    archive += common_header(name, contents, 4 + padding) + name;
    // "FB", the field with which PyTorch pads.
    archive += "FB" + bytes::text(padding, 2) + std::string(padding, 'Z');
    archive += contents;
    directory += kDirectoryMagic;
    directory += bytes::text(20, 2) + common_header(name, contents, 0) + std::string(10, '\0') +
                 bytes::text(offset, 4) + name;
  }
  if (archive.size() + directory.size() > kIn64 || entries.size() > 0xfffe) {
    throw DataError(
        "the state dict is too large for the PyTorch format: more than 4 GiB, or more "
        "than 65000 tensors");
  }
  const std::size_t start = archive.size();
  archive += directory;
  archive += kEndMagic;
  archive += bytes::text(0, 4) + bytes::text(entries.size(), 2) + bytes::text(entries.size(), 2) +
             bytes::text(directory.size(), 4) + bytes::text(start, 4) + bytes::text(0, 2);
  return archive;
}

}  // namespace concertina::zip
