#include <map>
#include <set>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "byte_reader.h"
#include "pickle.h"
#include "pytorch_file.h"
#include "stored_tensor.h"
#include "zip.h"

namespace concertina::pytorch {
namespace {

using pickle::Index;
using pickle::Kind;
using pickle::Pickle;
using pickle::Value;

using Storages = std::map<std::string, std::string_view, std::less<>>;  // bytes by key

constexpr std::size_t kMaxTensors = 100000;
// What the first pickle of the plain file is: 0x1950a86a20f9469cfc6c.
constexpr std::string_view kLegacyMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::int64_t kLegacyVersion = 1001;

// Of a dict with texts as keys.
const Value* find(const Pickle& pickle, const Value& dict, std::string_view key) {
  for (std::size_t k = 0; k + 1 < dict.items.size(); k += 2) {
    const Value& one = pickle[dict.items[k]];
    if (one.kind == Kind::text && one.text == key) return &pickle[dict.items[k + 1]];
  }
  return nullptr;
}

class Reader {
 public:
  Reader(const Pickle& pickle, const Storages& storages, std::size_t file_bytes,
         const std::string& where)
      : pickle_(pickle), storages_(storages), allowance_(file_bytes), where_(where) {}

  StateDict read() {
    const Value& top = pickle_.top();
    if (top.kind != Kind::dict) refuse("holds no dict; expected a state dict");
    for (const char* key : {"state_dict", "model", "model_state_dict"}) {
      const Value* inner = find(pickle_, top, key);
      if (inner == nullptr || inner->kind != Kind::dict) continue;
      take_metadata(top);
      take_tensors(*inner);
      return std::move(result_);
    }
    take_tensors(top);
    return std::move(result_);
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    throw DataError(where_ + ": " + problem);
  }

  // True for a text or a number, which is kept.
  bool take_plain(const Value& key, const Value& value) {
    const std::string name(key.text);
    if (value.kind == Kind::text) result_.metadata.emplace_back(name, value.text);
    if (value.kind == Kind::integer) {
      result_.metadata.emplace_back(name, std::to_string(value.number));
    }
    if (value.kind == Kind::real) result_.metadata.emplace_back(name, format_real(value.real));
    return value.kind == Kind::text || value.kind == Kind::integer || value.kind == Kind::real;
  }

  void take_metadata(const Value& dict) {
    for (std::size_t k = 0; k < dict.items.size(); k += 2) {
      const Value& key = pickle_[dict.items[k]];
      if (key.kind == Kind::text) take_plain(key, pickle_[dict.items[k + 1]]);
    }
  }

  void take_tensors(const Value& dict) {
    std::set<std::string_view> names;
    for (std::size_t k = 0; k < dict.items.size(); k += 2) {
      const Value& key = pickle_[dict.items[k]];
      const Value& value = pickle_[dict.items[k + 1]];
      if (key.kind != Kind::text) refuse("a key of its state dict is no text");
      if (!names.insert(key.text).second)
        refuse("two tensors named \"" + std::string(key.text) + "\"");
      if (value.kind != Kind::tensor) {
        if (take_plain(key, value)) continue;
        refuse("\"" + std::string(key.text) +
               "\" is no tensor; expected a dict of tensors, or one "
               "with such a dict under state_dict, model or model_state_dict");
      }
      if (result_.tensors.size() >= kMaxTensors) refuse("more than 100000 tensors");
      result_.tensors.push_back({std::string(key.text), tensor(value, std::string(key.text)), ""});
    }
    if (result_.tensors.empty()) refuse("holds no tensor");
  }

  std::vector<std::int64_t> integers(const Value& tuple, const std::string& where) const {
    std::vector<std::int64_t> numbers;
    for (const Index index : tuple.items) {
      if (pickle_[index].kind != Kind::integer)
        throw DataError(where + ": damaged: its size or stride is no number");
      numbers.push_back(pickle_[index].number);
    }
    return numbers;
  }

  at::Tensor tensor(const Value& value, const std::string& name) {
    const std::string where = where_ + ": tensor \"" + name + "\"";
    const Value& storage = pickle_[value.items[0]];
    const auto bytes = storages_.find(storage.text);
    if (bytes == storages_.end()) {
      throw DataError(where + ": its storage \"" + std::string(storage.text) + "\" is missing");
    }
    const std::size_t element = c10::elementSize(storage.type);
    if (storage.number < 0 ||
        static_cast<std::uint64_t>(storage.number) > bytes->second.size() / element) {
      throw DataError(where + ": damaged: its storage has " + std::to_string(bytes->second.size()) +
                      " bytes, " + std::to_string(storage.number) + " elements expected");
    }
    StoredTensor view;
    view.type = storage.type;
    view.offset = pickle_[value.items[1]].number;
    view.sizes = integers(pickle_[value.items[2]], where);
    view.strides = integers(pickle_[value.items[3]], where);
    const std::size_t size = static_cast<std::size_t>(storage.number) * element;
    return copy_view(bytes->second.substr(0, size), view, allowance_, where);
  }

  const Pickle& pickle_;
  const Storages& storages_;
  Allowance allowance_;
  const std::string& where_;
  StateDict result_;
};

// The folder in the archive that everything is in: that of "NAME/data.pkl".
std::string folder_of(const std::map<std::string, std::string_view>& entries,
                      const std::string& where) {
  for (const auto& [name, contents] : entries) {
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
    return name.substr(0, slash + 1);
  }
  throw DataError(where + ": a zip archive without data.pkl, hence none of torch.save");
}

// The storages behind the last pickle: their keys in a list, then of each its number of elements in
// 8 bytes, and its elements. How long one is, the tensors say.
Storages legacy_storages(std::string_view bytes, const Pickle& keys, const Pickle& state,
                         const std::string& where) {
  std::map<std::string_view, std::size_t> element;
  for (const Value& value : state.values) {
    if (value.kind == Kind::storage) element[value.text] = c10::elementSize(value.type);
  }
  if (keys.top().kind != Kind::list)
    throw DataError(where + ": damaged: the storages have no names");
  Storages storages;
  std::uint64_t at = keys.end;
  for (const Index index : keys.top().items) {
    const auto known = element.find(keys[index].text);
    if (known == element.end()) throw DataError(where + ": damaged: a storage that no tensor has");
    const std::uint64_t count = bytes::number(bytes::piece(bytes, at, 8, where));
    at += 8;
    if (count > bytes.size())
      throw DataError(where + ": damaged: a storage of " + std::to_string(count) + " elements");
    storages[std::string(known->first)] = bytes::piece(bytes, at, count * known->second, where);
    at += count * known->second;
  }
  return storages;
}

}  // namespace

StateDict read_archive(std::string_view bytes, const std::string& where) {
  const auto entries = zip::read(bytes, where);
  const std::string folder = folder_of(entries, where);
  const auto order = entries.find(folder + "byteorder");
  if (order != entries.end() && order->second != "little") {
    throw DataError(where + ": its numbers begin with the highest byte, which is not read");
  }
  Storages storages;
  const std::string data = folder + "data/";
  for (auto one = entries.lower_bound(data);
       one != entries.end() && one->first.compare(0, data.size(), data) == 0; ++one) {
    storages[one->first.substr(data.size())] = one->second;
  }
  const Pickle pickle = pickle::read(entries.at(folder + "data.pkl"), 0, where + ": data.pkl");
  return Reader(pickle, storages, bytes.size(), where).read();
}

bool is_legacy(std::string_view bytes) {
  // PROTO and its version, in protocol 4 and later a FRAME of 9 bytes, LONG1, the length.
  for (const std::size_t start : {2U, 11U}) {
    const std::string_view head = bytes.substr(0, start + 2 + kLegacyMagic.size());
    if (head.size() < start + 2 || head[0] != '\x80') continue;
    if (head.substr(start) == "\x8a\x0a" + std::string(kLegacyMagic)) return true;
  }
  return false;
}

StateDict read_legacy(std::string_view bytes, const std::string& where) {
  const Pickle magic = pickle::read(bytes, 0, where);
  const Pickle version = pickle::read(bytes, magic.end, where);
  if (version.top().kind != Kind::integer || version.top().number != kLegacyVersion) {
    throw DataError(where +
                    ": damaged, or of an unknown version: 1001 expected in its second pickle");
  }
  const Pickle system = pickle::read(bytes, version.end, where);
  const Value* little = find(system, system.top(), "little_endian");
  if (little == nullptr || little->number != 1) {
    throw DataError(where + ": its numbers begin with the highest byte, which is not read");
  }
  const Pickle state = pickle::read(bytes, system.end, where);
  const Pickle keys = pickle::read(bytes, state.end, where);
  const Storages storages = legacy_storages(bytes, keys, state, where);
  return Reader(state, storages, bytes.size(), where).read();
}

}  // namespace concertina::pytorch
