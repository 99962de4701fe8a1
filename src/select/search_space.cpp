#include "concertina/select/search_space.h"

#include <algorithm>
#include <limits>
#include <set>

#include "concertina/core/error.h"
#include "concertina/spec/resolve.h"

namespace concertina {
namespace {

// Full channel counts of each stage's elastic layers that reach the exit.
std::vector<std::vector<int>> elastic_channels(const NetSpec& net, int exit) {
  std::vector<std::vector<int>> channels;
  for (const ResolvedLayer& layer : resolve(net, {Width(), exit}).layers) {
    const Layer& spec = net.layers[static_cast<std::size_t>(layer.layer)];
    if (!spec.elastic) continue;
    const auto stage = static_cast<std::size_t>(spec.stage);
    if (channels.size() <= stage) channels.resize(stage + 1);
    channels[stage].push_back(spec.channels);
  }
  // A net without any is one stage that has no choice.
  if (channels.empty()) channels.emplace_back();
  return channels;
}

// The shares that widths are trained at come first: they stand for those with the same channels.
std::vector<int> grid_of(const std::vector<Width>& trained, int stage, int step) {
  std::vector<int> first = {1000};
  for (const Width width : trained) first.push_back(width.thousandths(stage));
  const int least = *std::min_element(first.begin(), first.end());
  for (int share = least; share < 1000; share += step) first.push_back(share);
  return first;
}

}  // namespace

SearchSpace::SearchSpace(NetSpec net, int exit, const std::vector<Width>& trained, int step)
    : net_(std::move(net)), exit_(exit) {
  if (step < 1 || step > 1000) {
    throw UsageError("search step of " + std::to_string(step) + " thousandths; expected 1 to 1000");
  }
  if (any_quantized(trained)) {
    throw UsageError("a search takes widths without bits, found " + widths_text(trained));
  }
  const std::vector<std::vector<int>> channels = elastic_channels(net_, exit_);
  std::vector<int> everywhere;
  for (int stage = 0; stage < static_cast<int>(channels.size()); ++stage) {
    const std::vector<int> grid = grid_of(trained, stage, step);
    add_stage(stage, channels[at(stage)], grid);
    everywhere.insert(everywhere.end(), grid.begin(), grid.end());
  }
  for (const Width width : trained) {
    if (width.is_uniform()) add_uniform(width.thousandths());
  }
  std::sort(everywhere.begin(), everywhere.end());
  for (const int share : everywhere) add_uniform(share);
  std::sort(uniform_.begin(), uniform_.end());
}

void SearchSpace::add_stage(int stage, const std::vector<int>& full, const std::vector<int>& grid) {
  std::map<std::vector<int>, int> first;  // channels -> the share that stands for them
  std::map<int, std::vector<int>> channels;
  for (const int share : grid) {
    std::vector<int> counts;
    counts.reserve(full.size());
    for (const int count : full) counts.push_back(round_channels(count, share, net_.divisor));
    first.try_emplace(counts, share);
    channels[share] = std::move(counts);
  }
  std::set<int> kept;
  for (const auto& [counts, share] : first) kept.insert(share);
  shares_.emplace_back(kept.begin(), kept.end());
  std::map<int, int>& same = same_.emplace_back();
  for (const auto& [share, counts] : channels) {
    const auto place =
        std::lower_bound(shares_[at(stage)].begin(), shares_[at(stage)].end(), first.at(counts));
    same[share] = static_cast<int>(place - shares_[at(stage)].begin());
  }
}

// Only where every stage's grid has the share.
void SearchSpace::add_uniform(int share) {
  Choices choices;
  for (const std::map<int, int>& same : same_) {
    const auto found = same.find(share);
    if (found == same.end()) return;
    choices.push_back(found->second);
  }
  if (uniform_share_.try_emplace(choices, share).second) uniform_.push_back(std::move(choices));
}

double SearchSpace::size() const {
  double size = 1;
  for (const std::vector<int>& shares : shares_) size *= static_cast<double>(shares.size());
  return size;
}

Choices SearchSpace::widest() const {
  Choices choices;
  for (int stage = 0; stage < stages(); ++stage) choices.push_back(options(stage) - 1);
  return choices;
}

Measurement SearchSpace::describe(const Choices& choices) const {
  std::vector<int> shares;
  for (int stage = 0; stage < stages(); ++stage) {
    shares.push_back(shares_[at(stage)][at(choices[at(stage)])]);
  }
  const auto uniform = uniform_share_.find(choices);
  const Width width = uniform == uniform_share_.end() ? Width::per_stage(shares)
                                                      : Width::from_thousandths(uniform->second);
  Measurement row = unmeasured(net_, {width, exit_});
  row.accuracy = row.loss = 0;  // NaN would never be chosen
  return row;
}

}  // namespace concertina
