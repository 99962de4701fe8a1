#include "safetensors.h"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "concertina/core/error.h"

#include "byte_reader.h"
#include "stored_tensor.h"

namespace concertina {
namespace safetensors {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100000000;  // as the safetensors package
constexpr int kMaxDepth = 3;                     // header, tensor, shape
constexpr std::size_t kMaxTensors = 100000;

const std::map<std::string, c10::ScalarType> kTypes = {
    {"F32", c10::ScalarType::Float}, {"F64", c10::ScalarType::Double},
    {"F16", c10::ScalarType::Half},  {"BF16", c10::ScalarType::BFloat16},
    {"I64", c10::ScalarType::Long},  {"I32", c10::ScalarType::Int},
    {"I16", c10::ScalarType::Short}, {"I8", c10::ScalarType::Char},
    {"U8", c10::ScalarType::Byte},   {"BOOL", c10::ScalarType::Bool}};

struct Entry {
  std::string name;
  std::uint64_t begin = 0, end = 0;
  StoredTensor view;
};

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& where)
      : bytes_(bytes), where_(where), allowance_(bytes.size()) {}

  StateDict read() {
    const std::uint64_t size = bytes::number(bytes::piece(bytes_, 0, 8, where_));
    if (size > kMaxHeader)
      refuse("its header has " + std::to_string(size) + " bytes; at most 100 MB are read");
    const Json header = parse(bytes::piece(bytes_, 8, size, where_));
    values_ = bytes_.substr(8 + size);
    take_metadata(header);
    std::vector<Entry> entries = entries_of(header);
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    check_cover(entries);
    for (const Entry& entry : entries) {
      const std::string_view storage = values_.substr(entry.begin, entry.end - entry.begin);
      result_.tensors.push_back(
          {entry.name, copy_view(storage, entry.view, allowance_, tensor(entry)), ""});
    }
    return std::move(result_);
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    throw DataError(where_ + ": " + problem);
  }
  std::string tensor(const Entry& entry) const {
    return where_ + ": tensor \"" + entry.name + "\"";
  }

  Json parse(std::string_view text) const {
    std::set<std::string> names;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      if (depth > kMaxDepth) refuse("damaged: its header is nested too deep");
      if (event == Json::parse_event_t::key && depth == 1 &&
          !names.insert(value.get<std::string>()).second) {
        refuse("two tensors named \"" + value.get<std::string>() + "\"");
      }
      return true;
    };
    try {
      Json header = Json::parse(text, watch);
      if (!header.is_object()) refuse("its header is no JSON object");
      return header;
    } catch (const Json::exception& error) {
      refuse(std::string("damaged header: ") + error.what());
    }
  }

  void take_metadata(const Json& header) {
    const auto metadata = header.find("__metadata__");
    if (metadata == header.end()) return;
    if (!metadata->is_object()) refuse("its __metadata__ is no JSON object");
    for (const auto& [key, value] : metadata->items()) {
      if (!value.is_string()) refuse("its __metadata__ \"" + key + "\" is no text");
      result_.metadata.emplace_back(key, value.get<std::string>());
    }
  }

  std::vector<Entry> entries_of(const Json& header) const {
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") continue;
      if (entries.size() >= kMaxTensors) refuse("more than 100000 tensors");
      try {
        entries.push_back(entry_of(name, value));
      } catch (const Json::exception& error) {
        refuse("tensor \"" + name + "\": damaged: " + error.what());
      }
    }
    if (entries.empty()) refuse("holds no tensor");
    return entries;
  }

  Entry entry_of(const std::string& name, const Json& value) const {
    Entry entry;
    entry.name = name;
    const std::string type = value.at("dtype").get<std::string>();
    const auto known = kTypes.find(type);
    if (known == kTypes.end())
      throw DataError(tensor(entry) + ": dtype \"" + type + "\" is not read");
    entry.view.type = known->second;
    entry.view.sizes = value.at("shape").get<std::vector<std::int64_t>>();
    entry.view.strides = contiguous_strides(entry.view.sizes, tensor(entry));
    const Json& offsets = value.at("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned()) {
      throw DataError(tensor(entry) + ": damaged: its data_offsets are not two numbers");
    }
    entry.begin = offsets[0].get<std::uint64_t>();
    entry.end = offsets[1].get<std::uint64_t>();
    return entry;
  }

  // Every byte belongs to one tensor, and each tensor has as many as its shape needs.
  void check_cover(const std::vector<Entry>& entries) const {
    std::uint64_t at = 0;
    for (const Entry& entry : entries) {
      std::uint64_t size = c10::elementSize(entry.view.type);
      for (const std::int64_t one : entry.view.sizes) size *= static_cast<std::uint64_t>(one);
      if (entry.begin != at || entry.end < entry.begin || entry.end - entry.begin != size) {
        throw DataError(tensor(entry) + ": damaged: its values are at " +
                        std::to_string(entry.begin) + " to " + std::to_string(entry.end) +
                        "; expected " + std::to_string(at) + " to " + std::to_string(at + size));
      }
      at = entry.end;
    }
    if (at != values_.size()) {
      refuse("truncated or damaged: " + std::to_string(values_.size()) +
             " bytes of values found, " + std::to_string(at) + " expected");
    }
  }

  std::string_view bytes_, values_;
  const std::string& where_;
  Allowance allowance_;
  StateDict result_;
};

}  // namespace

bool is(std::string_view bytes) {
  return bytes.size() > 8 && bytes[8] == '{' && bytes::number(bytes.substr(0, 8)) <= kMaxHeader;
}

StateDict read(std::string_view bytes, const std::string& where) {
  return Reader(bytes, where).read();
}

}  // namespace safetensors

namespace {

// As JSON; what is no UTF-8 in it is replaced.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string metadata_text(const StateDict& state) {
  std::string text;
  for (const auto& [key, value] : state.metadata) {
    text += (text.empty() ? "" : ",") + quoted(key) + ":" + quoted(value);
  }
  return "\"__metadata__\":{" + text + "}";
}

}  // namespace

std::string safetensors_bytes(const StateDict& state) {
  std::vector<const NamedTensor*> tensors;
  for (const NamedTensor& tensor : state.tensors) tensors.push_back(&tensor);
  const auto is_integer = [](const NamedTensor* one) {
    return one->value.scalar_type() == at::kLong;
  };
  std::stable_partition(tensors.begin(), tensors.end(), is_integer);
  std::string header = "{" + metadata_text(state), values;
  for (const NamedTensor* tensor : tensors) {
    const at::Tensor& value = tensor->value;
    const std::size_t begin = values.size();
    values.append(static_cast<const char*>(value.data_ptr()), value.nbytes());
    const nlohmann::json entry = {{"dtype", is_integer(tensor) ? "I64" : "F32"},
                                  {"shape", value.sizes().vec()},
                                  {"data_offsets", {begin, values.size()}}};
    header += "," + quoted(tensor->name) + ":" + entry.dump();
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  return bytes::text(header.size(), 8) + header + values;
}

}  // namespace concertina
