#include "louvain.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace concertina {
namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

// One level: nodes of `graph`, whose weights add up to 1, in communities.
class Level {
 public:
  Level(const Graph& graph, double resolution)
      : graph_(graph), resolution_(resolution), community_(index(graph.nodes)) {
    std::iota(community_.begin(), community_.end(), 0);
    for (int node = 0; node < graph.nodes; ++node) {
      double degree = 0;
      for (int other = 0; other < graph.nodes; ++other) degree += graph.at(node, other);
      degree_.push_back(degree);
    }
    total_ = degree_;
  }

  std::vector<int> settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int node = 0; node < graph_.nodes; ++node) moved = move(node) || moved;
    }
    return community_;
  }

 private:
  // True where the node found a better community than its own.
  bool move(int node) {
    constexpr double kLeastGain = 1e-12;  // what rounding could have made
    std::map<int, double> terms;          // weight to each neighboring community
    for (int other = 0; other < graph_.nodes; ++other) {
      const double weight = graph_.at(node, other);
      if (other != node && weight > 0) terms[community_[index(other)]] += weight;
    }
    const int own = community_[index(node)];
    total_[index(own)] -= degree_[index(node)];
    int best = own;
    double most = gain(node, own, terms[own]) + kLeastGain;
    for (const auto& [community, weight] : terms) {
      const double here = gain(node, community, weight);
      if (here <= most) continue;
      best = community;
      most = here;
    }
    community_[index(node)] = best;
    total_[index(best)] += degree_[index(node)];
    return best != own;
  }

  double gain(int node, int community, double weight) const {
    return resolution_ * weight - total_[index(community)] * degree_[index(node)];
  }

  const Graph& graph_;
  double resolution_;
  std::vector<int> community_;
  std::vector<double> degree_;  // of each node
  std::vector<double> total_;   // of each community: its nodes' degrees
};

// The same communities, numbered in the order of their first nodes.
std::vector<int> renumbered(const std::vector<int>& communities) {
  std::map<int, int> numbers;
  std::vector<int> result;
  for (const int one : communities) {
    result.push_back(numbers.try_emplace(one, static_cast<int>(numbers.size())).first->second);
  }
  return result;
}

// Communities as nodes. What is inside one is its weight to itself, counted from both ends.
Graph joined(const Graph& graph, const std::vector<int>& communities, int count) {
  Graph result(count);
  for (int a = 0; a < graph.nodes; ++a) {
    for (int b = 0; b < graph.nodes; ++b) {
      result.at(communities[index(a)], communities[index(b)]) += graph.at(a, b);
    }
  }
  return result;
}

}  // namespace

std::vector<int> louvain(const Graph& graph, double resolution) {
  Graph level = graph;
  const double whole = std::accumulate(graph.weights.begin(), graph.weights.end(), 0.0);
  for (double& weight : level.weights) weight = whole > 0 ? weight / whole : 0;
  std::vector<int> result(index(graph.nodes));
  std::iota(result.begin(), result.end(), 0);
  for (;;) {
    const std::vector<int> communities = renumbered(Level(level, resolution).settle());
    for (int& one : result) one = communities[index(one)];
    int count = 0;
    for (const int one : communities) count = std::max(count, one + 1);
    if (count == level.nodes) return result;
    level = joined(level, communities, count);
  }
}

}  // namespace concertina
