#include "object_reader.h"

#include <algorithm>

namespace concertina::h5 {
namespace {

bool is(hid_t found, hid_t expected) { return H5Tequal(found, expected) > 0; }

Dims shape(hid_t space) {
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0) return {};
  Dims dims(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  return dims;
}

// What string_type makes, of any size.
bool is_text(hid_t type) {
  return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
         H5Tget_strpad(type) == H5T_STR_NULLPAD && H5Tget_cset(type) == H5T_CSET_UTF8;
}

std::string unpadded(std::string text) {
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

}  // namespace

Stored::Stored(Handle handle, std::string path, std::size_t limit)
    : handle_(std::move(handle)), path_(std::move(path)), limit_(limit) {}

void Stored::refuse(const std::string& why) const { throw Fault(path_ + ": " + why); }

Handle Stored::attribute(const char* name) const {
  return Handle(H5Aopen(id(), name, H5P_DEFAULT), H5Aclose,
                path_ + ": no attribute \"" + name + "\"");
}

void Stored::scalar(const char* name, hid_t type, void* value) const {
  const Handle found = attribute(name);
  const Handle found_type(H5Aget_type(found.get()), H5Tclose, path_ + "@" + name);
  const Handle space(H5Aget_space(found.get()), H5Sclose, path_ + "@" + name);
  if (!is(found_type.get(), type) || H5Sget_simple_extent_type(space.get()) != H5S_SCALAR) {
    refuse("attribute \"" + std::string(name) + "\" is not of the type expected");
  }
  check(H5Aread(found.get(), type, value), path_ + "@" + name);
}

std::string Stored::text(const char* name) const {
  const Handle found = attribute(name);
  const Handle type(H5Aget_type(found.get()), H5Tclose, path_ + "@" + name);
  if (!is_text(type.get()) || H5Tget_size(type.get()) > limit_) {
    refuse("attribute \"" + std::string(name) + "\" is not a text");
  }
  std::string value(H5Tget_size(type.get()), '\0');
  scalar(name, type.get(), value.data());
  return unpadded(std::move(value));
}

std::int64_t Stored::integer(const char* name) const {
  std::int64_t value = 0;
  scalar(name, H5T_STD_I64LE, &value);
  return value;
}

std::uint64_t Stored::whole(const char* name) const {
  std::uint64_t value = 0;
  scalar(name, H5T_STD_U64LE, &value);
  return value;
}

double Stored::real(const char* name) const {
  double value = 0;
  scalar(name, H5T_IEEE_F64LE, &value);
  return value;
}

bool Stored::flag(const char* name) const {
  signed char value = 0;
  scalar(name, flag_type().get(), &value);
  return value != 0;
}

std::vector<std::int64_t> Stored::integers(const char* name) const {
  const Handle found = attribute(name);
  const Handle type(H5Aget_type(found.get()), H5Tclose, path_ + "@" + name);
  const Handle space(H5Aget_space(found.get()), H5Sclose, path_ + "@" + name);
  const Dims dims = shape(space.get());
  if (!is(type.get(), H5T_STD_I64LE) || dims.size() != 1 || dims[0] > limit_ / 8) {
    refuse("attribute \"" + std::string(name) + "\" is not a list of integers");
  }
  std::vector<std::int64_t> values(dims[0]);
  if (!values.empty()) {
    check(H5Aread(found.get(), H5T_STD_I64LE, values.data()), path_ + "@" + name);
  }
  return values;
}

StoredData::StoredData(Handle handle, std::string path, std::size_t limit)
    : Stored(std::move(handle), std::move(path), limit) {
  const Handle create(H5Dget_create_plist(id()), H5Pclose, this->path());
  const H5D_layout_t layout = H5Pget_layout(create.get());
  if (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) refuse("unknown layout");
  if (H5Pget_external_count(create.get()) != 0) refuse("data outside the file");
  const int filters = H5Pget_nfilters(create.get());
  if (filters < 0 || filters > 1) refuse("unknown filters");
  if (filters == 1) {
    unsigned flags = 0;
    std::size_t count = 0;
    if (H5Pget_filter2(create.get(), 0, &flags, &count, nullptr, 0, nullptr, nullptr) !=
        H5Z_FILTER_FLETCHER32) {
      refuse("unknown filter");
    }
  }
}

Dims StoredData::dims(hid_t type, std::size_t max_rank) const {
  const Handle found(H5Dget_type(id()), H5Tclose, path());
  const Handle space(H5Dget_space(id()), H5Sclose, path());
  if (!is(found.get(), type)) refuse("values are not of the type expected");
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) refuse("no values");
  const Dims dims = shape(space.get());
  if (dims.size() > max_rank) refuse("too many dimensions");
  if (std::find(dims.begin(), dims.end(), 0U) != dims.end()) return dims;
  std::size_t room = limit() / H5Tget_size(type);
  for (const hsize_t dim : dims) room /= dim;
  if (room == 0) refuse("larger than the file that holds it");
  return dims;
}

void StoredData::read(hid_t type, void* data) const {
  check(H5Dread(id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), path());
}

std::vector<double> StoredData::as_reals() const {
  const Dims found = dims(H5T_IEEE_F64LE, 1);
  if (found.size() != 1) refuse("not a list");
  std::vector<double> values(found[0]);
  if (!values.empty()) read(H5T_IEEE_F64LE, values.data());
  return values;
}

std::vector<float> StoredData::as_floats() const {
  const Dims found = dims(H5T_IEEE_F32LE, 1);
  if (found.size() != 1) refuse("not a list");
  std::vector<float> values(found[0]);
  if (!values.empty()) read(H5T_IEEE_F32LE, values.data());
  return values;
}

std::string StoredData::strings(std::size_t rank, std::size_t& size) const {
  const Handle type(H5Dget_type(id()), H5Tclose, path());
  if (!is_text(type.get())) refuse("not text");
  const Dims found = dims(type.get(), rank);
  if (found.size() != rank) refuse("not of the shape expected");
  size = H5Tget_size(type.get());
  std::string bytes(rank == 0 ? size : size * found[0], '\0');
  if (!bytes.empty()) read(type.get(), bytes.data());
  return bytes;
}

std::string StoredData::as_text() const {
  std::size_t size = 0;
  return unpadded(strings(0, size));
}

std::vector<std::string> StoredData::as_texts() const {
  std::size_t size = 1;
  const std::string bytes = strings(1, size);
  std::vector<std::string> values;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    values.push_back(unpadded(bytes.substr(at, size)));
  }
  return values;
}

}  // namespace concertina::h5
