#include "concertina/select/search.h"

namespace concertina {

const Measurement* SearchArchive::measure(const Choices& choices) {
  const auto known = place_.find(choices);
  if (known != place_.end()) return &rows_[known->second];
  Measurement row = space_.describe(choices);
  const std::optional<Quality> quality = hooks_.evaluate(row.subnet);
  if (!quality) return nullptr;
  row.accuracy = quality->accuracy;
  row.loss = quality->loss;
  place_[choices] = rows_.size();
  choices_[row.subnet] = choices;
  rows_.push_back(std::move(row));
  return &rows_.back();
}

void check_reachable(const SearchSpace& space, const Budget& budget) {
  choose({space.describe(space.narrowest())}, budget);
}

}  // namespace concertina
