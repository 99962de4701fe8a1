#include <list>

#include "concertina/store/state_dict.h"

#include "byte_reader.h"
#include "zip.h"

namespace concertina {
namespace {

// One pickle of protocol 2. It remembers nothing and repeats instead: no reader can tell.
class PickleText {
 public:
  void text(const std::string& value) { out_ += 'X' + bytes::text(value.size(), 4) + value; }
  void integer(std::int64_t value) {
    out_ += "\x8a\x08" + bytes::text(static_cast<std::uint64_t>(value), 8);  // LONG1
  }
  void global(const std::string& module, const std::string& name) {
    out_ += 'c' + module + '\n' + name + '\n';
  }
  void ordered_dict() {
    global("collections", "OrderedDict");
    out_ += ")R";  // of the empty tuple
  }
  void integers(at::IntArrayRef values) {
    out_ += '(';
    for (const std::int64_t value : values) integer(value);
    out_ += 't';
  }
  // torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
  void tensor(const at::Tensor& value, const std::string& key) {
    global("torch._utils", "_rebuild_tensor_v2");
    out_ += "((";
    text("storage");
    global("torch", value.scalar_type() == at::kLong ? "LongStorage" : "FloatStorage");
    text(key);
    text("cpu");
    integer(value.numel());
    out_ += "tQ";
    integer(0);
    integers(value.sizes());
    integers(value.strides());
    out_ += '\x89';  // False
    ordered_dict();
    out_ += "tR";
  }
  // An attribute of the OrderedDict on top, as its `_metadata` is: {"metadata": {...}}.
  void attribute(const std::vector<std::pair<std::string, std::string>>& metadata) {
    out_ += '}';
    text("metadata");
    out_ += "}(";
    for (const auto& [key, value] : metadata) {
      text(key);
      text(value);
    }
    out_ += "usb";
  }
  void raw(const char* opcodes) { out_ += opcodes; }
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

std::string_view bytes_of(const at::Tensor& value) {
  return {static_cast<const char*>(value.data_ptr()), value.nbytes()};
}

}  // namespace

std::string pytorch_bytes(const StateDict& state) {
  PickleText pickle;
  std::vector<std::pair<std::string, std::string_view>> entries = {{"archive/data.pkl", {}},
                                                                   {"archive/byteorder", "little"}};
  pickle.raw("\x80\x02");
  pickle.ordered_dict();
  pickle.raw("(");
  for (const NamedTensor& tensor : state.tensors) {
    const std::string key = std::to_string(entries.size() - 2);
    pickle.text(tensor.name);
    pickle.tensor(tensor.value, key);
    entries.emplace_back("archive/data/" + key, bytes_of(tensor.value));
  }
  pickle.raw("u");
  if (!state.metadata.empty()) pickle.attribute(state.metadata);
  pickle.raw(".");
  entries.front().second = pickle.bytes();
  entries.emplace_back("archive/version", "3\n");
  return zip::write(entries);
}

}  // namespace concertina
