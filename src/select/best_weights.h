// The weights of attributes that miss the least of what was asked for, all of them at once.
// Source: docs/methods.md, Choosing by preferences. Private to the room.
#pragma once

#include <vector>

#include "concertina/select/preferences.h"

#include "convex_program.h"

namespace concertina {

// gain . w >= margin. To fall short of it by one counts `cost`.
struct Wish {
  std::vector<double> gain;  // a number an attribute
  double margin = 0;
  double cost = 0;
};

// Values that differ by less are equal.
constexpr double kSameValue = 1e-7;

// The best weights as the rows of a program that asks for nothing else, so that more can be asked.
ConvexProgram best_weights(const std::vector<Wish>& wishes, std::size_t attributes, WeightSum sum);

// Among them, those with the least sum of squares: as even as they can be.
std::vector<double> most_even(ConvexProgram best);

// Which of the alternatives, given by their strengths, are worth most for some of the best weights
// that value them above `choice`.
std::vector<std::size_t> rivals(const ConvexProgram& best,
                                const std::vector<std::vector<double>>& strengths,
                                std::size_t choice);

std::vector<double> scaled(std::vector<double> vector, double factor);
double dot(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace concertina
