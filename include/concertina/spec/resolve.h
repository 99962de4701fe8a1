// resolve(): one sub-model's concrete shapes and the slices of every weight it uses. The only place
// where a channel count is rounded.
#pragma once

#include <vector>

#include "concertina/spec/net_spec.h"

namespace concertina {

// Channels [begin, end) of the full network's tensor.
struct Range {
  int begin = 0;
  int end = 0;
  int size() const { return end - begin; }
  friend bool operator==(Range a, Range b) { return a.begin == b.begin && a.end == b.end; }
};

// One live layer of a sub-model.
struct ResolvedLayer {
  int layer = 0;            // index into NetSpec::layers
  std::vector<int> inputs;  // indexes into ResolvedNet::layers
  std::vector<Range> in;    // which of the full network's input channels a weight reads; ascending:
                            // one leading range behind a plain tensor, several behind a concat
  std::vector<Range> out;   // which of its full output channels exist
  int in_channels = 0;      // sum over `in`
  int out_channels = 0;     // sum over `out`
  int height = 0;           // of the output, pixels
  int width = 0;
  // Of the weights of a convolution, and of the map of an activation: fewer than kFullBits are
  // rounded to so many (docs/methods.md, Switchable precision).
  int bits = Width::kFullBits;
};

enum class Exits {
  up_to,  // every layer before the exit and every earlier exit: what an any-time network has
          // computed when it answers there (docs/methods.md, MSDNet)
  only,   // the layers that lead to the exit: what ships as an ordinary small model
};

// The live layers, in topological order.
struct ResolvedNet {
  Subnet subnet;
  std::vector<ResolvedLayer> layers;
  std::vector<int> exits;  // indexes into layers, in exit order
};

// Throws UsageError when subnet.exit is not in 1..exit_count(), when the width has more stages than
// the net, and when it has fewer bits and the net a segmented activation.
ResolvedNet resolve(const NetSpec& net, const Subnet& subnet, Exits exits = Exits::up_to);

// True if two widths give the same network: every layer has the same channels, after rounding, and
// bits.
bool same_network(const NetSpec& net, Width a, Width b);

// The sub-model as a network of its own: its live layers, with the channel counts it has, no longer
// elastic; one width. Layer names stay.
NetSpec extract_spec(const NetSpec& net, const ResolvedNet& resolved);

// Channel count of an elastic layer at a share of 1 to 1000 thousandths (docs/methods.md, Channel
// rounding): the multiple of `divisor` nearest to full * width (halves up), at least 1, never below
// 90 % of full * width. `full` itself at 1000; never more than `full`.
int round_channels(int full, int thousandths, int divisor);

}  // namespace concertina
