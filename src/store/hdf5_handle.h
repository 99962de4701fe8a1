// Owned libhdf5 identifiers, and its failures as exceptions. Private to the room.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <hdf5.h>

namespace concertina::h5 {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "memory and file types are the same: both little-endian");

// What libhdf5 refused, or what a file holds that it should not. The room's public functions turn
// it into a DataError (reading) or an IoError (writing) that names the file.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  // Throws Fault naming `what` when id is negative (libhdf5's sign of failure).
  Handle(hid_t id, Close close, const std::string& what);
  ~Handle();
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  hid_t get() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

// Throws Fault naming `what`, with libhdf5's own reason, when status is negative.
void check(herr_t status, const std::string& what);

// While it lives, libhdf5 prints nothing and loads no filter from plugin folders. Afterwards its
// plugin setting, its printing of errors and its stack of errors are what they were before.
class Guard {
 public:
  Guard();
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  hid_t errors_ = H5I_INVALID_HID;
  H5E_auto2_t print_ = nullptr;
  void* print_data_ = nullptr;
  unsigned plugins_ = 0;
  bool has_plugins_ = false;
};

// Null-padded UTF-8 of a fixed size: no global heap, which is the weak spot of damaged files.
Handle string_type(std::size_t size);
// What h5py takes for numpy.bool_.
Handle flag_type();

}  // namespace concertina::h5
