#include "concertina/distill/partition.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <tuple>

#include <ATen/Functions.h>

#include "concertina/core/error.h"

#include "louvain.h"

namespace concertina {
namespace {

using Part = std::vector<int>;

std::size_t index(int value) { return static_cast<std::size_t>(value); }

// [N, C] float64 in 0..1 on the CPU, for valid arguments only.
at::Tensor checked(const at::Tensor& activity, int parts) {
  const std::int64_t filters = activity.size(1);
  if (parts < 1 || parts > filters) {
    throw UsageError("partition of filters: " + std::to_string(parts) + " parts; expected 1 to " +
                     std::to_string(filters) + ", the filters of the map");
  }
  const at::Tensor values = activity.detach().to(at::kCPU, at::kDouble).clamp_min(0);
  const auto broken = at::logical_not(at::isfinite(values)).nonzero();
  if (broken.size(0) > 0) {
    throw DataError("partition of filters: the activity of filter " +
                    std::to_string(broken[0][1].item<std::int64_t>()) + " for image " +
                    std::to_string(broken[0][0].item<std::int64_t>()) +
                    " is not finite; expected a teacher whose outputs are numbers");
  }
  const at::Tensor most = at::amax(values, 1, true);
  return at::div(values, at::where(at::gt(most, 0), most, at::ones_like(most))).contiguous();
}

// The places of an image's most active filters, the more active ones first.
Part most_active(const double* activity, int filters) {
  constexpr int kMost = 50;
  Part order(index(filters));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return activity[a] > activity[b]; });
  order.resize(index(std::min(kMost, filters)));
  return order;
}

// Filters linked by how often one is active when the other one is, but not equally.
Graph linked(const at::Tensor& activity) {
  const auto filters = static_cast<int>(activity.size(1));
  Graph graph(filters);
  for (std::int64_t image = 0; image < activity.size(0); ++image) {
    const double* a = activity.data_ptr<double>() + image * filters;
    const Part active = most_active(a, filters);
    for (const int j : active) {
      for (const int k : active) graph.at(j, k) += a[j] * a[k] * std::abs(a[j] - a[k]);
    }
  }
  return graph;
}

// Between the two values next to its place, as NumPy's percentile.
double percentile(std::vector<double> values, double percent) {
  std::sort(values.begin(), values.end());
  const double place = percent / 100 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

void keep_strongest_links(Graph& graph) {
  constexpr double kPercentile = 99;
  std::vector<double> terms;
  for (const double weight : graph.weights) {
    if (weight != 0) terms.push_back(weight);
  }
  if (terms.empty()) return;
  const double least = percentile(std::move(terms), kPercentile);
  for (double& weight : graph.weights) weight = weight < least ? 0 : weight;
}

// Communities, largest first, of the same size by their first filter. Filters without a term are
// one of them.
std::vector<Part> communities_of(const Graph& graph) {
  constexpr double kResolution = 0.7;
  const std::vector<int> numbers = louvain(graph, kResolution);
  std::vector<Part> found(index(*std::max_element(numbers.begin(), numbers.end()) + 1));
  for (int filter = 0; filter < graph.nodes; ++filter) {
    found[index(numbers[index(filter)])].push_back(filter);
  }
  Part alone;
  std::vector<Part> result;
  for (const Part& one : found) {
    if (one.size() > 1) {
      result.push_back(one);
    } else {
      alone.push_back(one.front());
    }
  }
  if (!alone.empty()) result.push_back(alone);
  std::sort(result.begin(), result.end(), [](const Part& a, const Part& b) {
    return std::make_tuple(b.size(), a.front()) < std::make_tuple(a.size(), b.front());
  });
  return result;
}

// [filters, count]: each filter's entries in the eigenvectors that cut their graph in `count` + 1
// at about the least normalized cost (Shi and Malik 2000), the leading one first: like ones belong
// together. Rounded, the first of a vector's largest made positive, and vectors without a meaning
// left at 0, so that the order does not depend on the last bits.
at::Tensor embedding(const at::Tensor& together, const Part& filters, std::int64_t count) {
  constexpr double kNothing = 1e-9;
  const at::Tensor places = at::tensor(filters, at::kLong);
  const at::Tensor terms = together.index_select(0, places).index_select(1, places);
  const at::Tensor root = at::sqrt(at::sum(terms, 1, true));
  const at::Tensor inverse = at::where(at::gt(root, 0), at::reciprocal(root), root);
  const at::Tensor normal = at::mul(at::mul(terms, inverse), at::t(inverse));
  // The leading eigenvector is `root`, the same for all filters; without it the next one leads.
  const at::Tensor trivial = at::div(root, at::clamp_min(at::norm(root), 1e-300));
  const auto [values, vectors] =
      at::linalg_eigh(at::sub(normal, at::matmul(trivial, at::t(trivial))));
  const at::Tensor leading = at::slice(at::flip(vectors, {1}), 1, 0, count).mul(inverse);
  const at::Tensor largest = at::clamp_min(at::amax(at::abs(leading), 0), 1e-300);
  const at::Tensor entries = at::round(at::div(at::div(leading, largest), kNothing));
  const at::Tensor first = at::argmax(at::abs(entries), 0, true);
  const at::Tensor meant = at::gt(at::slice(at::flip(values, {0}), 0, 0, count), kNothing);
  return at::mul(at::mul(entries, at::sign(at::gather(entries, 0, first))), meant).contiguous();
}

// `filters` so that like ones stand together: by their entries in the first vector, where these are
// equal in the second ...
Part ordered(const at::Tensor& together, const Part& filters, std::int64_t count) {
  const at::Tensor entries = embedding(together, filters, count);
  const double* rows = entries.data_ptr<double>();
  Part order(filters.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const double* left = rows + a * count;
    const double* right = rows + b * count;
    return std::lexicographical_compare(right, right + count, left, left + count);
  });
  for (int& place : order) place = filters[index(place)];
  return order;
}

// Appends parts of `filters`, ascending, of these sizes.
void bisect(const at::Tensor& together, const Part& filters, const std::vector<int>& sizes,
            std::vector<Part>& parts) {
  if (sizes.size() == 1) {
    parts.push_back(filters);
    return;
  }
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  const Part order = ordered(together, filters, static_cast<std::int64_t>(sizes.size()) - 1);
  const auto cut = order.begin() + std::accumulate(sizes.begin(), middle, 0);
  Part low(order.begin(), cut);
  Part high(cut, order.end());
  std::sort(low.begin(), low.end());
  std::sort(high.begin(), high.end());
  bisect(together, low, {sizes.begin(), middle}, parts);
  bisect(together, high, {middle, sizes.end()}, parts);
}

}  // namespace

std::vector<Part> partition_communities(const at::Tensor& activity, int parts) {
  Graph graph = linked(checked(activity, parts));
  keep_strongest_links(graph);
  const std::vector<Part> communities = communities_of(graph);
  const auto count = static_cast<std::ptrdiff_t>(parts);
  if (static_cast<std::ptrdiff_t>(communities.size()) < count + 1) {
    throw UsageError(
        "partition of filters: communities found: " + std::to_string(communities.size()) +
        "; expected at least " + std::to_string(parts + 1) +
        ", one for each part and the largest, which is left out");
  }
  std::vector<Part> result(communities.begin() + 1, communities.begin() + 1 + count);
  for (auto one = communities.begin() + 1 + count; one != communities.end(); ++one) {
    Part& smallest =
        *std::min_element(result.begin(), result.end(),
                          [](const Part& a, const Part& b) { return a.size() < b.size(); });
    smallest.insert(smallest.end(), one->begin(), one->end());
  }
  for (Part& part : result) std::sort(part.begin(), part.end());
  return result;
}

std::vector<Part> partition_bisection(const at::Tensor& activity, int parts) {
  const at::Tensor active = checked(activity, parts);
  const auto count = static_cast<int>(active.size(1));
  std::vector<int> sizes;
  for (int part = 0; part < parts; ++part) {
    sizes.push_back(count / parts + (part < count % parts ? 1 : 0));
  }
  Part filters(index(count));
  std::iota(filters.begin(), filters.end(), 0);
  std::vector<Part> result;
  bisect(at::matmul(at::t(active), active), filters, sizes, result);
  return result;
}

namespace {

constexpr std::int64_t kAtOnce = 250;  // images a teacher looks at

// [N, C]: the means of the maps that the teacher has at the tap.
at::Tensor activity_of(Teacher& teacher, const std::string& tap, const at::Tensor& images) {
  std::vector<at::Tensor> means;
  for (const at::Tensor& some : at::split(images, kAtOnce)) {
    means.push_back(at::mean(teacher.answer(some, {tap}).taps.at(tap), {2, 3}).to(at::kCPU));
  }
  return at::cat(means);
}

void check_channels(const std::vector<Part>& parts, int filters) {
  for (const Part& part : parts) {
    for (const int channel : part) {
      if (channel < filters) continue;
      throw UsageError("channel " + std::to_string(channel) + " of a map of " +
                       std::to_string(filters) + "; expected 0 to " + std::to_string(filters - 1));
    }
  }
}

void choose(PlanNode& node, Teacher& teacher, const at::Tensor& images) {
  check_channels(node.channels, teacher.shape_of(node.tap).channels);
  if (!node.channels.empty()) return;
  const at::Tensor activity = activity_of(teacher, node.tap, images);
  node.channels = node.by == Partition::communities ? partition_communities(activity, node.parts)
                                                    : partition_bisection(activity, node.parts);
  if (node.part != 0) node.channels = {node.channels[index(node.part - 1)]};
}

}  // namespace

void choose_filters(DistillPlan& plan, const Teachers& teachers, const at::Tensor& images) {
  for (PlanNode& node : plan.nodes) {
    if (node.kind != NodeKind::filters) continue;
    try {
      choose(node, *teachers.at(node.of.front().node), images);
    } catch (const UsageError& error) {
      throw UsageError("node \"" + node.name + "\": " + error.what());
    }
  }
}

}  // namespace concertina
