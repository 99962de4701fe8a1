// Communities of a weighted graph by modularity, the method of Louvain (Blondel et al. 2008): nodes
// move, one by one, to the neighboring community that gains most; the communities become the nodes
// of a smaller graph; and so on. Nodes are visited in their order, not in a random one, so a graph
// has one answer.
#pragma once

#include <vector>

namespace concertina {

struct Graph {
  int nodes = 0;
  std::vector<double> weights;  // [nodes, nodes], symmetric, none negative

  explicit Graph(int count)
      : nodes(count), weights(static_cast<std::size_t>(count) * static_cast<std::size_t>(count)) {}
  double& at(int a, int b) { return weights[static_cast<std::size_t>(a * nodes + b)]; }
  double at(int a, int b) const { return weights[static_cast<std::size_t>(a * nodes + b)]; }
};

// Each node's community, numbered in the order of their first nodes. A node moves for the gain in
// resolution * (share of the weight inside communities) - (sum over communities of the squared
// share of their nodes' weight): below 1 the communities get smaller. That is the time of
// Lambiotte, Delvenne and Barahona (2008), the reciprocal of the factor that others call
// resolution.
std::vector<int> louvain(const Graph& graph, double resolution);

}  // namespace concertina
