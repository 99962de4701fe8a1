#include "pickle_stack.h"

#include "concertina/core/error.h"

namespace concertina::pickle {
namespace {

// A state dict has about 15 values a tensor.
constexpr std::size_t kMaxValues = 2000000;
// One list may fill many dicts.
constexpr std::size_t kMaxItems = 8 * kMaxValues;

}  // namespace

void Stack::refuse(const std::string& problem) const {
  throw DataError(where_ + ", byte " + std::to_string(offset_) + ": " + problem);
}

void Stack::push(Value value) {
  items_ += value.items.size();
  if (values_.size() >= kMaxValues || items_ > kMaxItems) {
    refuse("more values than any state dict has");
  }
  values_.push_back(std::move(value));
  stack_.push_back(static_cast<Index>(values_.size() - 1));
}

void Stack::push(Kind kind, std::int64_t number) {
  Value made;
  made.kind = kind;
  made.number = number;
  push(std::move(made));
}

void Stack::push_text(Kind kind, std::string_view text) {
  Value made;
  made.kind = kind;
  made.text = text;
  push(std::move(made));
}

void Stack::push_items(Kind kind, std::vector<Index> items) {
  Value made;
  made.kind = kind;
  made.items = std::move(items);
  push(std::move(made));
}

Index Stack::top() const {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) refuse("damaged: nothing to take");
  return stack_.back();
}

Index Stack::pop() {
  const Index index = top();
  stack_.pop_back();
  return index;
}

std::vector<Index> Stack::pop(std::size_t count) {
  std::vector<Index> items(count);
  for (std::size_t k = count; k-- > 0;) items[k] = pop();
  return items;
}

std::vector<Index> Stack::pop_to_mark() {
  if (marks_.empty()) refuse("damaged: no mark");
  const auto mark = static_cast<std::ptrdiff_t>(marks_.back());
  const std::vector<Index> items(stack_.begin() + mark, stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return items;
}

void Stack::get(std::uint64_t place) {
  const auto found = memo_.find(place);
  if (found == memo_.end()) refuse("damaged: nothing is remembered as " + std::to_string(place));
  stack_.push_back(found->second);
}

Value& Stack::expect(Index index, Kind kind, const char* what) {
  if (value(index).kind != kind) refuse(std::string("damaged: ") + what + " expected");
  return value(index);
}

}  // namespace concertina::pickle
