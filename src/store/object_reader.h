// Groups, attributes and datasets of a verified file. Takes only what the room writes: hard links,
// contiguous or chunked data inside the file, fletcher32, the exact types. Private to the room.
// Every member throws Fault naming the path.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hdf5_handle.h"
#include "object_writer.h"

namespace concertina::h5 {

class Stored {
 public:
  // limit: the file's bytes; nothing inside can be larger.
  Stored(Handle handle, std::string path, std::size_t limit);

  std::string text(const char* name) const;
  std::int64_t integer(const char* name) const;
  std::uint64_t whole(const char* name) const;
  double real(const char* name) const;
  bool flag(const char* name) const;
  std::vector<std::int64_t> integers(const char* name) const;

  const std::string& path() const { return path_; }
  [[noreturn]] void refuse(const std::string& why) const;

 protected:
  hid_t id() const { return handle_.get(); }
  std::size_t limit() const { return limit_; }

 private:
  Handle attribute(const char* name) const;
  void scalar(const char* name, hid_t type, void* value) const;

  Handle handle_;
  std::string path_;
  std::size_t limit_;
};

class StoredData : public Stored {
 public:
  StoredData(Handle handle, std::string path, std::size_t limit);

  // Shape, after checking type, rank and size; read() may then fill elements * size bytes.
  Dims dims(hid_t type, std::size_t max_rank) const;
  void read(hid_t type, void* data) const;
  std::vector<double> as_reals() const;
  std::vector<float> as_floats() const;
  std::string as_text() const;
  std::vector<std::string> as_texts() const;

 private:
  std::string strings(std::size_t rank, std::size_t& size) const;
};

class StoredGroup : public Stored {
 public:
  using Stored::Stored;
  static StoredGroup root(const Handle& file, std::size_t limit);

  bool has(const std::string& name) const;
  StoredGroup group(const std::string& name) const;
  StoredData data(const std::string& name) const;
  // All datasets below, in the order of their `index` attribute; names are paths from here.
  struct Entry {
    std::string name;
    StoredData data;
  };
  std::vector<Entry> entries() const;

 private:
  Handle open(const std::string& name, H5I_type_t type) const;
  std::string below(const std::string& name) const;
  std::vector<std::string> names() const;
  void collect(const std::string& prefix, int depth, std::vector<Entry>& entries) const;
};

}  // namespace concertina::h5
