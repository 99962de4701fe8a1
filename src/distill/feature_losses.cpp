#include "concertina/distill/feature_losses.h"

#include <algorithm>
#include <utility>

#include <ATen/Functions.h>

namespace concertina {
namespace {

// Opposite features have similarity 0, whose logarithm is not finite; float32 resolves no cosine to
// better than this.
constexpr double kLeastSimilarity = 1e-7;

at::Tensor finite_rows(const at::Tensor& features) {
  const at::Tensor broken = at::logical_not(at::all(at::isfinite(features), 1, true));
  return at::masked_fill(features, broken, 0);
}

// Row i: the probabilities that image j is i's neighbor; i itself is one of them.
at::Tensor neighbors(const at::Tensor& similarity) {
  return at::div(similarity, at::sum(similarity, 1, true));
}

at::Tensor cosine_neighbors(const at::Tensor& features, double epsilon) {
  const at::Tensor rows = finite_rows(features);
  // at::norm, whose gradient at a vector of zeros is zero.
  const at::Tensor unit = at::div(rows, at::add(at::norm(rows, 2, {1}, true), epsilon));
  const at::Tensor cosine = at::matmul(unit, at::t(unit));
  return neighbors(at::clamp_min(at::div(at::add(cosine, 1), 2), kLeastSimilarity));
}

at::Tensor student_t_neighbors(const at::Tensor& features) {
  const at::Tensor rows = finite_rows(features);
  const at::Tensor products = at::matmul(rows, at::t(rows));
  // The squares are taken from the products, so that an image is exactly 0 away from itself.
  const at::Tensor squares = at::diagonal(products);
  const at::Tensor sums = at::add(at::unsqueeze(squares, 0), at::unsqueeze(squares, 1));
  const at::Tensor distance = at::sqrt(at::add(at::clamp_min(at::sub(sums, products, 2), 0), 1e-6));
  return neighbors(at::reciprocal(at::add(distance, 1)));
}

at::Tensor jeffreys(const at::Tensor& p, const at::Tensor& q) {
  return at::mean(at::mul(at::sub(p, q), at::sub(at::log(p), at::log(q))));
}

// Maps [B, C, H, W] of the smaller of both heights and widths; anything else as it is.
std::pair<at::Tensor, at::Tensor> same_places(const at::Tensor& a, const at::Tensor& b) {
  if (a.dim() != 4 || a.sizes().slice(2) == b.sizes().slice(2)) return {a, b};
  const std::int64_t places[] = {std::min(a.size(2), b.size(2)), std::min(a.size(3), b.size(3))};
  return {at::adaptive_avg_pool2d(a, places), at::adaptive_avg_pool2d(b, places)};
}

at::Tensor cross_layer(const at::Tensor& first, const at::Tensor& second) {
  const auto [a, b] = same_places(first, second);
  const at::Tensor rows = at::flatten(a, 2);
  const at::Tensor columns = at::transpose(at::flatten(b, 2), 1, 2);
  return at::div(at::bmm(rows, columns), static_cast<double>(rows.size(2)));
}

at::Tensor squared_differences(const at::Tensor& a, const at::Tensor& b) {
  return at::sum(at::flatten(at::square(at::sub(a, b)), 1), 1);
}

at::Tensor unit_vectors(const at::Tensor& map) {
  const at::Tensor rows = at::flatten(map, 1);
  return at::div(rows, at::clamp_min(at::norm(rows, 2, {1}, true), 1e-12));
}

}  // namespace

at::Tensor pkt_loss(const at::Tensor& teacher, const at::Tensor& student) {
  constexpr double kEpsilon = 1e-7;
  const at::Tensor p = cosine_neighbors(teacher, kEpsilon);
  const at::Tensor q = cosine_neighbors(student, kEpsilon);
  const at::Tensor ratio = at::sub(at::log(at::add(p, kEpsilon)), at::log(at::add(q, kEpsilon)));
  return at::mean(at::mul(p, ratio));
}

at::Tensor pkt_cosine_loss(const at::Tensor& teacher, const at::Tensor& student) {
  constexpr double kEpsilon = 1e-6;
  return jeffreys(cosine_neighbors(teacher, kEpsilon), cosine_neighbors(student, kEpsilon));
}

at::Tensor pkt_student_t_loss(const at::Tensor& teacher, const at::Tensor& student) {
  return jeffreys(student_t_neighbors(teacher), student_t_neighbors(student));
}

at::Tensor pkt_combined_loss(const at::Tensor& teacher, const at::Tensor& student) {
  return at::add(pkt_cosine_loss(teacher, student), pkt_student_t_loss(teacher, student));
}

at::Tensor gram_terms(const at::Tensor& teacher_a, const at::Tensor& teacher_b,
                      const at::Tensor& student_a, const at::Tensor& student_b) {
  return squared_differences(cross_layer(teacher_a, teacher_b), cross_layer(student_a, student_b));
}

at::Tensor normalized_mse_loss(const at::Tensor& teacher, const at::Tensor& student) {
  const auto [u, v] = same_places(teacher, student);
  return at::mean(at::square(at::sub(unit_vectors(v), unit_vectors(u))));
}

at::Tensor hint_terms(const at::Tensor& teacher, const at::Tensor& student) {
  const auto [u, v] = same_places(teacher, student);
  return squared_differences(u, v);
}

at::Tensor pair_loss(const at::Tensor& features, const at::Tensor& labels, double margin) {
  const std::int64_t end = features.size(0) / 2 * 2;
  const at::Tensor difference =
      at::sub(at::slice(features, 0, 0, end, 2), at::slice(features, 0, 1, end, 2));
  const at::Tensor same = at::eq(at::slice(labels, 0, 0, end, 2), at::slice(labels, 0, 1, end, 2));
  // at::norm, whose gradient at distance 0 is zero.
  const at::Tensor apart = at::square(at::relu(at::rsub(at::norm(difference, 2, {1}), margin)));
  const at::Tensor terms = at::where(same, at::sum(at::square(difference), 1), apart);
  return at::div(at::sum(terms), static_cast<double>(std::max<std::int64_t>(end / 2, 1)));
}

}  // namespace concertina
