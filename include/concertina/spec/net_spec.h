// A network as plain data: a directed acyclic graph of layers with elastic channel counts, and
// exits. It knows no tensor. Architectures in nets/ return one; everything else (cost, execution,
// files, export) reads it through resolve() (spec/resolve.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "concertina/spec/width.h"

namespace concertina {

enum class LayerKind { input, conv, depthwise, norm, activation, pool, add, mean, concat, linear };
enum class Activation {
  relu,
  relu6,
  lma  // docs/methods.md, Light multi-segment activation: trained, with statistics a width
};
enum class Pool { average, global_average };

// One layer. Feature maps are [N, channels, height, width]; a linear layer reads one of 1x1 and
// gives [N, channels], which a layer behind it reads as a map of 1x1.
struct Layer {
  std::string name;  // unique, path-like: "stage2.1.pointwise.conv"; also the tap's name
  LayerKind kind = LayerKind::input;
  std::vector<int> inputs;  // indexes of earlier layers
  int channels = 0;         // full output channels; 0 = as the input(s) give
  bool elastic = false;     // conv: the output channels scale with the width
  int stage = 0;            // elastic: by its share for this stage, counted from 0
  bool bias = false;        // conv, depthwise: a bias a channel, as a folded norm leaves it
  int kernel = 1;           // conv, depthwise, pool(average): square, pixels
  int stride = 1;           // conv, depthwise, pool(average)
  int padding = 0;          // conv, depthwise: zeros on each side, pixels
  Activation activation = Activation::relu;
  int segments = 0;  // activation lma: even, 2 to 64
  // Of a sub-model that was extracted with fewer bits: what it rounds its maps to (activation), or
  // what its weights were rounded to already (conv, depthwise).
  int bits = Width::kFullBits;
  Pool pool = Pool::global_average;
  std::string module;  // what PyTorch implementations of the net call it in their state_dict:
                       // "features.3.body.0"; "" = it has no parameters, or no such name
};

struct NetSpec {
  std::string name;  // as in the catalog: "slimmable-mobilenet-v1"
  int classes = 0;
  int in_channels = 0;
  int in_height = 0;          // pixels
  int in_width = 0;           // pixels
  int divisor = 8;            // of elastic channels (docs/methods.md, Channel rounding)
  std::vector<Width> widths;  // the default list, ascending, ending with the full width
  std::vector<Layer> layers;  // layer 0 is the input
  std::vector<int> exits;     // indexes of the layers that give logits [N, classes], in order

  int stage_count() const;  // stages that a width can name
  int exit_count() const { return static_cast<int>(exits.size()); }
};

inline bool is_segmented(const Layer& layer) {
  return layer.kind == LayerKind::activation && layer.activation == Activation::lma;
}
// Running statistics that every width has for itself: [channels] of a norm, [1] of a segmented
// activation.
inline bool has_statistics(const Layer& layer) {
  return layer.kind == LayerKind::norm || is_segmented(layer);
}

// Added to a norm's variance, as in every public checkpoint of these nets.
constexpr double kNormEpsilon = 1e-5;
// Added to the deviation of a segmented activation's map, so that a constant map has segments.
constexpr double kLeastDeviation = 1e-5;

// What PyTorch implementations call a tensor of a layer ("stem.conv/weight"): its module, or the
// layer's own path where it has none, `between`, a dot and the parameter: "features.0.0.weight".
std::string state_dict_name(const NetSpec& net, const std::string& tensor,
                            const std::string& between = "");

const std::string& kind_name(LayerKind kind);  // "conv", as in the JSON text

// "w0.500", "w0.500-0.750-1.000" with a share a stage, "w1.000@4" with fewer bits; "w1.000-e3" when
// the net has several exits.
std::string subnet_id(const NetSpec& net, const Subnet& subnet);
// Reads what subnet_id writes. Throws UsageError naming the ids known.
Subnet parse_subnet_id(const NetSpec& net, const std::vector<Width>& widths, std::string_view id);
// Every (width, exit), smallest first: by width, then exit.
std::vector<Subnet> all_subnets(const NetSpec& net, const std::vector<Width>& widths);

// The spec as JSON text, and back; write(read(t)) == t. read throws DataError naming the layer and
// what is wrong with it: it accepts only specs that check() accepts.
std::string write_spec(const NetSpec& net);
NetSpec read_spec(std::string_view text);

// Throws DataError unless names are unique, inputs point backwards, kinds have the inputs they
// need, channel counts fit, and every exit gives `classes` logits.
void check(const NetSpec& net);

}  // namespace concertina
