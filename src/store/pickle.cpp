#include "pickle.h"

#include <cstring>

#include "byte_reader.h"
#include "pickle_globals.h"
#include "pickle_stack.h"

namespace concertina::pickle {
namespace {

constexpr char kStop = '.';
constexpr std::size_t kMaxQuoted = 80;  // of a name out of the file in a message

class Machine : private Stack {
 public:
  Machine(std::string_view bytes, std::size_t begin, const std::string& where)
      : Stack(where), bytes_(bytes), where_(where), at_(begin) {}

  Pickle read() {
    while (!step()) {
    }
    Pickle pickle;
    pickle.result = pop();
    pickle.values = take_values();
    pickle.end = at_;
    return pickle;
  }

 private:
  std::string_view take(std::uint64_t count) {
    const std::string_view found = bytes::piece(bytes_, at_, count, where_);
    at_ += count;
    return found;
  }
  std::uint64_t number(std::size_t size) { return bytes::number(take(size)); }
  // What stands behind its own length of `size` bytes.
  std::string_view counted(std::size_t size) { return take(number(size)); }
  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) refuse("damaged: a name without an end");
    const std::string_view found = take(end - at_);
    ++at_;
    return found;
  }

  // True at the end.
  bool step() {
    begin_opcode(at_);
    const char code = take(1)[0];
    for (const Opcode& opcode : kOpcodes) {
      if (opcode.code == code) {
        (this->*opcode.run)(opcode.argument);
        return code == kStop;
      }
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto bits = static_cast<unsigned char>(code);
    refuse(std::string("the opcode 0x") + kDigits[bits >> 4U] + kDigits[bits & 15U] +
           " is none that torch.save writes");
  }

  void stop(int) {}
  void skip(int size) { take(static_cast<std::uint64_t>(size)); }
  void protocol(int) {
    const std::uint64_t version = number(1);
    if (version >= 2 && version <= 5) return;
    refuse("pickle protocol " + std::to_string(version) + "; expected 2 to 5");
  }
  void none(int) { push(Kind::none); }
  void truth(int value) { push(Kind::integer, value); }
  void integer(int size) {
    const std::uint64_t bits = number(width(size));
    // Only the one of four bytes has a sign.
    push(Kind::integer, size < 4 ? static_cast<std::int64_t>(bits)
                                 : static_cast<std::int32_t>(static_cast<std::uint32_t>(bits)));
  }
  void long_integer(int size) { push_long(counted(width(size))); }
  void real(int) { push_real(take(8)); }
  void text(int size) { push_text(Kind::text, counted(width(size))); }
  void raw_bytes(int size) { push_text(Kind::bytes, counted(width(size))); }
  void mark(int) { Stack::mark(); }
  void tuple(int count) { push_items(Kind::tuple, pop(width(count))); }
  void marked_tuple(int) { push_items(Kind::tuple, pop_to_mark()); }
  void marked_list(int) { push_items(Kind::list, pop_to_mark()); }
  void list(int) { push(Kind::list); }
  void dict(int) { push(Kind::dict); }
  void append(int) { extend(Kind::list, pop(1)); }
  void append_marked(int) { extend(Kind::list, pop_to_mark()); }
  void set(int) { extend(Kind::dict, pop(2)); }
  void set_marked(int) { extend(Kind::dict, pop_to_mark()); }
  void put(int size) { Stack::put(number(width(size))); }
  void memoize(int) { Stack::memoize(); }
  void drop(int) { pop(); }
  void drop_marked(int) { pop_to_mark(); }
  void repeat(int) { push_again(top()); }
  void get(int size) { Stack::get(number(width(size))); }
  void named_global(int) {
    const std::string_view module = line();
    push_global(module, line());
  }
  void stacked_global(int) {
    const std::string_view name = expect(pop(), Kind::text, "a name").text;
    push_global(expect(pop(), Kind::text, "a name").text, name);
  }
  static std::size_t width(int argument) { return static_cast<std::size_t>(argument); }

  void push_long(std::string_view digits) {
    if (digits.size() > 8) return push_text(Kind::bytes, digits);
    std::uint64_t bits = bytes::number(digits);
    const bool negative = !digits.empty() && (digits.back() & 0x80) != 0;
    if (negative && digits.size() < 8) bits |= ~std::uint64_t{0} << 8 * digits.size();
    push(Kind::integer, static_cast<std::int64_t>(bits));
  }

  // The only number in a pickle that begins with its highest byte.
  void push_real(std::string_view digits) {
    const std::string turned(digits.rbegin(), digits.rend());
    const std::uint64_t bits = bytes::number(turned);
    Value made;
    made.kind = Kind::real;
    std::memcpy(&made.real, &bits, sizeof bits);
    push(std::move(made));
  }

  void extend(Kind kind, const std::vector<Index>& items) {
    const Index target = top();
    if (value(target).kind == Kind::skipped) return;
    std::vector<Index>& all = expect(target, kind, "a list or a dict").items;
    if (kind == Kind::dict && items.size() % 2 != 0) refuse("damaged: a key without a value");
    all.insert(all.end(), items.begin(), items.end());
  }

  void push_global(std::string_view module, std::string_view name) {
    const int known = find_global(module, name);
    if (known < 0) {
      refuse("the object \"" + std::string(module.substr(0, kMaxQuoted)) + "." +
             std::string(name.substr(0, kMaxQuoted)) +
             "\" is none that a state dict needs; expected tensors and plain values, as "
             "torch.save(model.state_dict(), FILE) writes");
    }
    push(Kind::global, known);
  }

  void call(int) {
    const Index arguments = pop();
    const Index callee = pop();
    expect(arguments, Kind::tuple, "a tuple");
    if (value(callee).kind == Kind::skipped) return push(Kind::skipped);
    switch (global(expect(callee, Kind::global, "a name").number).meaning) {
      case Meaning::ordered_dict:
        return push_items(Kind::dict, pairs(value(arguments).items));
      case Meaning::rebuild_tensor:
        return push_items(Kind::tensor, tensor_parts(value(arguments).items));
      case Meaning::rebuild_parameter:
        return push_again(parameter(value(arguments).items));
      case Meaning::storage:
        refuse("damaged: a storage type is called");
      case Meaning::skipped:
        return push(Kind::skipped);
    }
  }

  // An ordered dict is made empty, or of one list of pairs (Python 2).
  std::vector<Index> pairs(const std::vector<Index>& arguments) {
    std::vector<Index> items;
    if (arguments.empty()) return items;
    for (const Index pair : expect(arguments[0], Kind::list, "a list of pairs").items) {
      const Value& both = value(pair);
      if ((both.kind != Kind::list && both.kind != Kind::tuple) || both.items.size() != 2) {
        refuse("damaged: a pair expected");
      }
      items.insert(items.end(), both.items.begin(), both.items.end());
    }
    return items;
  }

  // Storage, offset, size and stride; what may follow (gradients, hooks) is not read.
  std::vector<Index> tensor_parts(const std::vector<Index>& arguments) {
    constexpr std::ptrdiff_t kParts = 4;
    if (arguments.size() < kParts) refuse("damaged: a tensor without a stride");
    expect(arguments[0], Kind::storage, "a storage");
    expect(arguments[1], Kind::integer, "an offset");
    expect(arguments[2], Kind::tuple, "a size");
    expect(arguments[3], Kind::tuple, "a stride");
    return {arguments.begin(), arguments.begin() + kParts};
  }

  Index parameter(const std::vector<Index>& arguments) {
    if (arguments.empty()) refuse("damaged: a parameter without a tensor");
    expect(arguments[0], Kind::tensor, "a tensor");
    return arguments[0];
  }

  // What further an object says about itself: nothing that a state dict needs.
  void build(int) {
    pop();
    const Kind kind = value(top()).kind;
    if (kind != Kind::dict && kind != Kind::tensor && kind != Kind::skipped) {
      refuse("damaged: a state for what has none");
    }
  }

  // ("storage", type, key, device, elements), and in old files a view, which has to be none.
  void storage(int) {
    const std::vector<Index>& items = expect(pop(), Kind::tuple, "a tuple").items;
    if (items.size() < 5 || value(items[0]).kind != Kind::text ||
        value(items[0]).text != "storage") {
      refuse(
          "a reference to something else than a storage, as torch.save(model, FILE) writes; "
          "expected torch.save(model.state_dict(), FILE)");
    }
    const Global& type = global(expect(items[1], Kind::global, "a storage type").number);
    if (type.meaning != Meaning::storage) refuse("damaged: a storage type expected");
    if (items.size() > 5 && value(items[5]).kind != Kind::none) {
      refuse("a storage that is a part of another is not read");
    }
    Value made;
    made.kind = Kind::storage;
    made.type = type.type;
    made.text = expect(items[2], Kind::text, "a storage's key").text;
    made.number = expect(items[4], Kind::integer, "a number of elements").number;
    push(std::move(made));
  }

  struct Opcode {
    char code;
    void (Machine::*run)(int argument);
    int argument;
  };
  static const std::vector<Opcode> kOpcodes;

  std::string_view bytes_;
  const std::string& where_;
  std::size_t at_;
};

// The names are Python's. Arguments: how long a number or a text's length is, in bytes, or how many
// items. What Python 2 wrote for a text was BINSTRING.
const std::vector<Machine::Opcode> Machine::kOpcodes = {
    {kStop, &Machine::stop, 0},
    {'\x80', &Machine::protocol, 0},
    {'\x95', &Machine::skip, 8},  // FRAME
    {'N', &Machine::none, 0},
    {'\x88', &Machine::truth, 1},
    {'\x89', &Machine::truth, 0},
    {'K', &Machine::integer, 1},          // BININT1
    {'M', &Machine::integer, 2},          // BININT2
    {'J', &Machine::integer, 4},          // BININT
    {'\x8a', &Machine::long_integer, 1},  // LONG1
    {'\x8b', &Machine::long_integer, 4},  // LONG4
    {'G', &Machine::real, 0},             // BINFLOAT
    {'\x8c', &Machine::text, 1},          // SHORT_BINUNICODE
    {'X', &Machine::text, 4},             // BINUNICODE
    {'\x8d', &Machine::text, 8},          // BINUNICODE8
    {'U', &Machine::text, 1},             // SHORT_BINSTRING
    {'T', &Machine::text, 4},             // BINSTRING
    {'C', &Machine::raw_bytes, 1},        // SHORT_BINBYTES
    {'B', &Machine::raw_bytes, 4},        // BINBYTES
    {'\x8e', &Machine::raw_bytes, 8},     // BINBYTES8
    {'\x96', &Machine::raw_bytes, 8},     // BYTEARRAY8
    {'(', &Machine::mark, 0},
    {')', &Machine::tuple, 0},           // EMPTY_TUPLE
    {'\x85', &Machine::tuple, 1},        // TUPLE1
    {'\x86', &Machine::tuple, 2},        // TUPLE2
    {'\x87', &Machine::tuple, 3},        // TUPLE3
    {'t', &Machine::marked_tuple, 0},    // TUPLE
    {']', &Machine::list, 0},            // EMPTY_LIST
    {'\x8f', &Machine::list, 0},         // EMPTY_SET
    {'\x91', &Machine::marked_list, 0},  // FROZENSET
    {'}', &Machine::dict, 0},            // EMPTY_DICT
    {'a', &Machine::append, 0},
    {'e', &Machine::append_marked, 0},     // APPENDS
    {'\x90', &Machine::append_marked, 0},  // ADDITEMS
    {'s', &Machine::set, 0},               // SETITEM
    {'u', &Machine::set_marked, 0},        // SETITEMS
    {'q', &Machine::put, 1},               // BINPUT
    {'r', &Machine::put, 4},               // LONG_BINPUT
    {'\x94', &Machine::memoize, 0},
    {'h', &Machine::get, 1},           // BINGET
    {'j', &Machine::get, 4},           // LONG_BINGET
    {'0', &Machine::drop, 0},          // POP
    {'1', &Machine::drop_marked, 0},   // POP_MARK
    {'2', &Machine::repeat, 0},        // DUP
    {'c', &Machine::named_global, 0},  // GLOBAL
    {'\x93', &Machine::stacked_global, 0},
    {'R', &Machine::call, 0},     // REDUCE
    {'\x81', &Machine::call, 0},  // NEWOBJ
    {'b', &Machine::build, 0},
    {'Q', &Machine::storage, 0},  // BINPERSID
};

}  // namespace

Pickle read(std::string_view bytes, std::size_t begin, const std::string& where) {
  return Machine(bytes, begin, where).read();
}

}  // namespace concertina::pickle
