#include "object_writer.h"

#include <algorithm>

namespace concertina::h5 {
namespace {

constexpr std::size_t kSmall = 4096;  // bytes; below, a chunk index costs more than it gives
constexpr std::size_t kChunk = std::size_t{1} << 20;  // bytes; libhdf5's chunk cache holds one

Handle make_space(const Dims& dims) {
  return Handle(dims.empty()
                    ? H5Screate(H5S_SCALAR)
                    : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                H5Sclose, "shape");
}

hsize_t elements(const Dims& dims) {
  hsize_t count = 1;
  for (const hsize_t dim : dims) count *= dim;
  return count;
}

// Whole leading rows of at most kChunk bytes.
Dims chunk_of(const Dims& dims, std::size_t bytes) {
  Dims chunk = dims;
  const std::size_t row = bytes / dims[0];
  chunk[0] = std::clamp<hsize_t>(kChunk / std::max<std::size_t>(row, 1), 1, dims[0]);
  return chunk;
}

Handle layout(const Dims& dims, std::size_t bytes) {
  Handle create(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset creation");
  check(H5Pset_obj_track_times(create.get(), false), "times off");
  check(H5Pset_fill_time(create.get(), H5D_FILL_TIME_NEVER), "fill time");
  if (dims.empty() || bytes < kSmall) return create;
  const Dims chunk = chunk_of(dims, bytes);
  check(H5Pset_chunk(create.get(), static_cast<int>(chunk.size()), chunk.data()), "chunks");
  check(H5Pset_fletcher32(create.get()), "fletcher32");
  return create;
}

Handle make_parents() {
  Handle create(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "link creation");
  check(H5Pset_create_intermediate_group(create.get(), 1), "link creation");
  return create;
}

std::string below(const std::string& parent, const std::string& path) {
  return (parent == "/" ? "" : parent) + "/" + path;
}

// "." would be the group itself, an empty part nothing at all.
void check_path(const std::string& path) {
  std::size_t begin = 0;
  for (int depth = 1; begin <= path.size(); ++depth) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    if (depth > kMaxDepth || part.empty() || part == "." || part.find('\0') != std::string::npos) {
      throw Fault("\"" + path + "\" cannot name a dataset or group");
    }
    begin = end + 1;
  }
}

}  // namespace

Object::Object(Handle handle, std::string path)
    : handle_(std::move(handle)), path_(std::move(path)) {}

void Object::set(const char* name, hid_t type, const void* value, const Dims& dims) const {
  const std::string what = path_ + "@" + name;
  const Handle space = make_space(dims);
  const Handle attribute(H5Acreate2(id(), name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose, what);
  check(H5Awrite(attribute.get(), type, value), what);
}

void Object::set_text(const char* name, std::string_view value) const {
  const std::string padded = value.empty() ? std::string(1, '\0') : std::string(value);
  set(name, string_type(padded.size()).get(), padded.data());
}

void Object::set_integer(const char* name, std::int64_t value) const {
  set(name, H5T_STD_I64LE, &value);
}

void Object::set_unsigned(const char* name, std::uint64_t value) const {
  set(name, H5T_STD_U64LE, &value);
}

void Object::set_real(const char* name, double value) const { set(name, H5T_IEEE_F64LE, &value); }

void Object::set_flag(const char* name, bool value) const {
  const signed char byte = value ? 1 : 0;
  set(name, flag_type().get(), &byte);
}

void Object::set_integers(const char* name, const std::vector<std::int64_t>& values) const {
  set(name, H5T_STD_I64LE, values.data(), {values.size()});
}

Group Group::root(const Handle& file) {
  return Group(Handle(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose, "/"), "/");
}

Group Group::group(const std::string& path) const {
  check_path(path);
  const std::string full = below(this->path(), path);
  const Handle parents = make_parents();
  return Group(Handle(H5Gcreate2(id(), path.c_str(), parents.get(), H5P_DEFAULT, H5P_DEFAULT),
                      H5Gclose, full),
               full);
}

Object Group::dataset(const std::string& path, hid_t type, const Dims& dims,
                      const void* data) const {
  check_path(path);
  const std::string full = below(this->path(), path);
  const Handle parents = make_parents();
  const Handle space = make_space(dims);
  const std::size_t bytes = elements(dims) * H5Tget_size(type);
  const Handle create = layout(dims, bytes);
  Handle set(
      H5Dcreate2(id(), path.c_str(), type, space.get(), parents.get(), create.get(), H5P_DEFAULT),
      H5Dclose, full);
  if (bytes > 0) check(H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), full);
  return Object(std::move(set), full);
}

Object Group::reals(const std::string& path, const std::vector<double>& values) const {
  return dataset(path, H5T_IEEE_F64LE, {values.size()}, values.data());
}

Object Group::floats(const std::string& path, const std::vector<float>& values) const {
  return dataset(path, H5T_IEEE_F32LE, {values.size()}, values.data());
}

Object Group::text(const std::string& path, std::string_view value) const {
  const std::string padded = value.empty() ? std::string(1, '\0') : std::string(value);
  return dataset(path, string_type(padded.size()).get(), {}, padded.data());
}

Object Group::texts(const std::string& path, const std::vector<std::string>& values) const {
  std::size_t size = 1;
  for (const auto& value : values) size = std::max(size, value.size());
  std::string padded;
  for (const auto& value : values) {
    padded += value;
    padded.append(size - value.size(), '\0');
  }
  return dataset(path, string_type(size).get(), {values.size()}, padded.data());
}

void Group::link(const std::string& name, const Group& target) const {
  check(H5Lcreate_hard(target.id(), ".", id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
        below(path(), name));
}

}  // namespace concertina::h5
