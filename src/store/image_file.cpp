#include "image_file.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/hash.h"
#include "concertina/store/run_file.h"

namespace concertina::h5 {
namespace {

// The block's layout is the same in every version, so that any version can tell damage from age.
constexpr std::size_t kBlock = 512;
constexpr std::string_view kMagic = "CONCERTINA HDF5\n";
constexpr std::size_t kVersionAt = 24, kVersionDigits = 4;
constexpr std::size_t kBytesAt = 35, kBytesDigits = 20;
constexpr std::size_t kSumAt = 62, kSumDigits = 8;

// With the checksum's digits all 0, as it enters the checksum itself.
std::string make_block(std::uint64_t bytes) {
  char text[kBlock] = {};
  std::snprintf(text, sizeof text, "%sversion %04d\nbytes %020llu\ncrc32 00000000\n", kMagic.data(),
                kFormatVersion, static_cast<unsigned long long>(bytes));
  return std::string(text, kBlock);
}

std::string checksum(std::string_view block, std::string_view image) {
  std::string blank(block);
  blank.replace(kSumAt, kSumDigits, kSumDigits, '0');
  char text[kSumDigits + 1];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(crc32(image, crc32(blank))));
  return text;
}

// -1 when it is not all digits.
std::int64_t number(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= 0 ? value : -1;
}

void verify_length(const std::string& file, std::string_view bytes) {
  const auto found = std::to_string(bytes.size());
  if (bytes.size() < kBlock) {
    throw DataError(file + ": truncated: " + found + " bytes found, at least 512 expected");
  }
  const std::int64_t expected = number(bytes.substr(kBytesAt, kBytesDigits));
  if (expected < 0) throw DataError(file + ": damaged: its header holds no length");
  if (static_cast<std::uint64_t>(expected) != bytes.size()) {
    const bool shorter = bytes.size() < static_cast<std::uint64_t>(expected);
    throw DataError(file + (shorter ? ": truncated: " : ": damaged: ") + found + " bytes found, " +
                    std::to_string(expected) + " expected");
  }
}

void verify(const std::string& file, std::string_view bytes, std::string_view kind) {
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    throw DataError(file + ": not a Concertina " + std::string(kind) +
                    " file (its first bytes are not \"CONCERTINA HDF5\")");
  }
  verify_length(file, bytes);
  const std::string stored(bytes.substr(kSumAt, kSumDigits));
  const std::string actual = checksum(bytes.substr(0, kBlock), bytes.substr(kBlock));
  if (stored != actual) {
    throw DataError(file + ": damaged: its bytes give the checksum " + actual +
                    ", which is not the one in its header");
  }
  const std::int64_t version = number(bytes.substr(kVersionAt, kVersionDigits));
  if (version != kFormatVersion) {
    throw DataError(file + ": format version " + std::to_string(version) +
                    "; this program reads version " + std::to_string(kFormatVersion) +
                    (version > kFormatVersion ? " (the file was written by a newer one)" : ""));
  }
}

// libhdf5 takes two files in memory for one when their names are equal.
std::string unique_name() {
  static std::atomic<std::uint64_t> count{0};
  return "concertina-image-" + std::to_string(++count);
}

Handle memory_access(std::size_t increment) {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "file access");
  check(H5Pset_fapl_core(access.get(), increment, false), "file in memory");
  return access;
}

}  // namespace

Handle new_image(std::size_t expected_bytes) {
  const Handle access = memory_access(std::max<std::size_t>(expected_bytes, 1U << 20));
  // Later bounds write superblocks whose checksum is wrong in an image (libhdf5 1.10).
  check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST), "bounds");
  const Handle create(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "file creation");
  check(H5Pset_userblock(create.get(), kBlock), "user block");
  check(H5Pset_obj_track_times(create.get(), false), "times off");
  // Most datasets have one chunk; the default index has room for 64 and takes 4 kB for each.
  check(H5Pset_istore_k(create.get(), 4), "chunk index");
  return Handle(H5Fcreate(unique_name().c_str(), H5F_ACC_TRUNC, create.get(), access.get()),
                H5Fclose, "new file in memory");
}

std::string image_bytes(const Handle& file) {
  check(H5Fflush(file.get(), H5F_SCOPE_GLOBAL), "flush");
  const ssize_t size = H5Fget_file_image(file.get(), nullptr, 0);
  check(size < 0 ? -1 : 0, "size of the image");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  check(H5Fget_file_image(file.get(), bytes.data(), bytes.size()) < 0 ? -1 : 0, "image");
  return bytes;
}

Handle open_image(const std::string& bytes) {
  const Handle access = memory_access(1U << 20);
  // libhdf5 copies the bytes; its signature lacks a const.
  check(H5Pset_file_image(access.get(), const_cast<char*>(bytes.data()), bytes.size()), "image");
  return Handle(H5Fopen(unique_name().c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose,
                "cannot be opened as HDF5");
}

void write_sealed(const std::filesystem::path& path, std::string_view image,
                  const FileCheck& check) {
  std::string block = make_block(kBlock + image.size());
  block.replace(kSumAt, kSumDigits, checksum(block, image));
  replace_file(path, {block, image}, check);
}

std::string read_sealed(const std::filesystem::path& path, std::string_view kind) {
  std::string bytes = read_file(path);
  verify(path.string(), bytes, kind);
  return bytes;
}

}  // namespace concertina::h5

namespace concertina {

bool is_our_file(const std::filesystem::path& file) {
  std::string head(h5::kMagic.size(), '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  return stream && head == h5::kMagic;
}

}  // namespace concertina
