// Sealed files: an HDF5 image behind a 512-byte block that carries magic, version, length and
// checksum (docs/file-format.md). Private to the room. Not for: what the image holds.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "concertina/core/file.h"

#include "hdf5_handle.h"

namespace concertina::h5 {

constexpr int kFormatVersion = 2;

// An empty file in memory; `expected_bytes` avoids copying it while it grows.
Handle new_image(std::size_t expected_bytes);
// The bytes of a file in memory, without the block in front.
std::string image_bytes(const Handle& file);
// Opens verified bytes (block included) for reading. The bytes are copied.
Handle open_image(const std::string& bytes);

// Puts the block in front and replaces the file (core/file.h). Throws IoError, and what `check`
// does.
void write_sealed(const std::filesystem::path& path, std::string_view image,
                  const FileCheck& check = {});
// All bytes, length and checksum verified. `kind` ("run") is for the message. Throws NoInputError,
// IoError, DataError.
std::string read_sealed(const std::filesystem::path& path, std::string_view kind);

}  // namespace concertina::h5
