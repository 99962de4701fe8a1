#include "object_reader.h"

namespace concertina::h5 {
namespace {

constexpr std::size_t kMaxEntries = 100000;

}  // namespace

StoredGroup StoredGroup::root(const Handle& file, std::size_t limit) {
  return StoredGroup(Handle(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose, "/"), "/", limit);
}

std::string StoredGroup::below(const std::string& name) const {
  return (path() == "/" ? "" : path()) + "/" + name;
}

bool StoredGroup::has(const std::string& name) const {
  return H5Lexists(id(), name.c_str(), H5P_DEFAULT) > 0;
}

// Soft and external links could lead anywhere, so only hard ones are followed.
Handle StoredGroup::open(const std::string& name, H5I_type_t type) const {
  H5L_info_t link;
  if (!has(name)) throw Fault(below(name) + " is missing");
  check(H5Lget_info(id(), name.c_str(), &link, H5P_DEFAULT), below(name));
  if (link.type != H5L_TYPE_HARD) throw Fault(below(name) + " is a link out of its place");
  Handle object(H5Oopen(id(), name.c_str(), H5P_DEFAULT), H5Oclose, below(name));
  if (type != H5I_BADID && H5Iget_type(object.get()) != type) {
    throw Fault(below(name) + " is not a " + (type == H5I_GROUP ? "group" : "dataset"));
  }
  return object;
}

StoredGroup StoredGroup::group(const std::string& name) const {
  return StoredGroup(open(name, H5I_GROUP), below(name), limit());
}

StoredData StoredGroup::data(const std::string& name) const {
  return StoredData(open(name, H5I_DATASET), below(name), limit());
}

std::vector<std::string> StoredGroup::names() const {
  std::vector<std::string> names;
  const auto take = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    auto& list = *static_cast<std::vector<std::string>*>(out);
    if (list.size() >= kMaxEntries) return -1;
    list.emplace_back(name);
    return 0;
  };
  check(H5Literate(id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take, &names), path());
  return names;
}

void StoredGroup::collect(const std::string& prefix, int depth, std::vector<Entry>& entries) const {
  if (depth > kMaxDepth) refuse("nested too deep");
  for (const auto& name : names()) {
    if (entries.size() >= kMaxEntries) refuse("too many datasets");
    Handle object = open(name, H5I_BADID);
    if (H5Iget_type(object.get()) == H5I_GROUP) {
      StoredGroup(std::move(object), below(name), limit())
          .collect(prefix + name + "/", depth + 1, entries);
    } else if (H5Iget_type(object.get()) == H5I_DATASET) {
      entries.push_back({prefix + name, StoredData(std::move(object), below(name), limit())});
    } else {
      refuse("\"" + name + "\" is neither a group nor a dataset");
    }
  }
}

std::vector<StoredGroup::Entry> StoredGroup::entries() const {
  std::vector<Entry> found;
  collect("", 1, found);
  std::vector<std::int64_t> place;
  for (const auto& entry : found) place.push_back(entry.data.integer("index"));
  std::vector<Entry> ordered;
  std::vector<std::size_t> at(found.size(), found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (place[i] < 0 || place[i] >= static_cast<std::int64_t>(found.size())) refuse("wrong index");
    at[static_cast<std::size_t>(place[i])] = i;
  }
  for (const std::size_t i : at) {
    if (i == found.size()) refuse("two datasets have the same index");
    ordered.push_back(std::move(found[i]));
  }
  return ordered;
}

}  // namespace concertina::h5
