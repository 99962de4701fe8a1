// The memory of the pickle machine: every value made, the stack with its marks, and what is
// remembered. Faults end in a DataError with the file and the offset of the opcode.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "pickle.h"

namespace concertina::pickle {

class Stack {
 public:
  explicit Stack(const std::string& where) : where_(where) {}

  void begin_opcode(std::size_t offset) { offset_ = offset; }
  [[noreturn]] void refuse(const std::string& problem) const;

  void push(Value value);
  void push(Kind kind, std::int64_t number = 0);
  void push_text(Kind kind, std::string_view text);
  void push_items(Kind kind, std::vector<Index> items);
  void push_again(Index index) { stack_.push_back(index); }

  Index top() const;
  Index pop();
  std::vector<Index> pop(std::size_t count);
  void mark() { marks_.push_back(stack_.size()); }
  std::vector<Index> pop_to_mark();

  void put(std::uint64_t place) { memo_[place] = top(); }
  void memoize() { put(memo_.size()); }
  void get(std::uint64_t place);

  // References end with the next push of a value.
  Value& value(Index index) { return values_[index]; }
  Value& expect(Index index, Kind kind, const char* what);
  std::vector<Value> take_values() { return std::move(values_); }

 private:
  const std::string& where_;
  std::size_t offset_ = 0;
  std::size_t items_ = 0;  // of all values
  std::vector<Value> values_;
  std::vector<Index> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::unordered_map<std::uint64_t, Index> memo_;
};

}  // namespace concertina::pickle
