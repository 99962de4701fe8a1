// Groups, attributes and datasets of a file under construction. Private to the room. Every member
// throws Fault.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hdf5_handle.h"

namespace concertina::h5 {

using Dims = std::vector<hsize_t>;

constexpr int kMaxDepth = 4;  // parts of a path below its group; readers go no deeper

class Object {
 public:
  Object(Handle handle, std::string path);

  void set_text(const char* name, std::string_view value) const;
  void set_integer(const char* name, std::int64_t value) const;
  void set_unsigned(const char* name, std::uint64_t value) const;
  void set_real(const char* name, double value) const;
  void set_flag(const char* name, bool value) const;
  void set_integers(const char* name, const std::vector<std::int64_t>& values) const;

  const std::string& path() const { return path_; }

 protected:
  void set(const char* name, hid_t type, const void* value, const Dims& dims = {}) const;
  hid_t id() const { return handle_.get(); }

 private:
  Handle handle_;
  std::string path_;
};

class Group : public Object {
 public:
  using Object::Object;
  static Group root(const Handle& file);

  // `path` may hold slashes; groups on the way are made.
  Group group(const std::string& path) const;
  // Large data is chunked, each chunk with a checksum of its own; small data lies in one piece.
  Object dataset(const std::string& path, hid_t type, const Dims& dims, const void* data) const;
  Object reals(const std::string& path, const std::vector<double>& values) const;
  Object floats(const std::string& path, const std::vector<float>& values) const;
  Object text(const std::string& path, std::string_view value) const;
  Object texts(const std::string& path, const std::vector<std::string>& values) const;
  // A second name, here, for the same group.
  void link(const std::string& name, const Group& target) const;
};

}  // namespace concertina::h5
