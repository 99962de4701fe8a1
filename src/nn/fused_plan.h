// A resolved sub-model as a short list of fused operations on a few buffers. Only convolution
// outputs are stored, as they are; the norm and activation behind one are applied by whoever reads
// it. A concat is no operation: its parts are written side by side. Knows no tensor.
// Source: docs/methods.md, Fused passes.
#pragma once

#include <string>
#include <vector>

#include "concertina/kernels/convolution.h"
#include "concertina/spec/resolve.h"

#include "arena.h"

namespace concertina::fused {

// A feature map [images, height, width, channels], channels innermost. Buffer 0 is the input.
struct Buffer {
  int channels = 0;
  int height = 0, width = 0;
  float low = 0, high = 0;  // of the activation behind its norms
  std::int64_t pixels() const { return std::int64_t{height} * width; }
};

// Some channels of a buffer.
struct View {
  int buffer = 0;
  int channel = 0;
  int channels = 0;
};

enum class Kind {
  conv,       // as matrix products; with its norm
  depthwise,  // with its norm
  head        // global average pool and linear layer: the logits of an exit
};

struct Operation {
  Kind kind = Kind::conv;
  int layer = 0;             // of the convolution or linear layer, index into ResolvedNet::layers
  int norm = -1;             // the norm's, likewise; -1: none
  View in, out;              // head: out is its logits, view.buffer the exit's number
  kernels::Window window{};  // of one image
  // Products a value of the output: rows of the weight [out, inner]; of a depthwise one taps only.
  std::int64_t inner() const {
    return window.taps() * (kind == Kind::depthwise ? 1 : window.channels);
  }
  std::int64_t weight_size() const { return inner() * out.channels; }
  bool pointwise() const { return window.kernel == 1 && window.stride == 1 && window.padding == 0; }

  // For the way back. Nothing comes back to an operation that leads to no exit.
  bool leads_to_exit = false;
  // The gradient in `in` is written, or added when others came before.
  bool accumulates = false;
  std::vector<View> clears;   // parts nobody has written yet, when others are to be added to
  std::vector<int> finishes;  // operations whose output's gradient is complete after this one
};

struct Plan {
  std::vector<Buffer> buffers;
  std::vector<Operation> operations;  // in order
  int exits = 0;
};

// What cannot be fused: the layer, and why. Such a net runs on the plain engine.
struct Unfit {
  std::string layer;
  std::string reason;
};

// Throws Unfit.
Plan compile(const NetSpec& spec, const ResolvedNet& resolved);

// Fills in what operations need for the way back: which of them writes a gradient first, and which
// last. compile() does.
void plan_way_back(Plan& plan);

// What a pass over `images` keeps, in one arena: each buffer's z, then (with_gradient) each
// buffer's gradient. A pass forward takes the steps 0..n-1, the way back n..2n-1.
Arena place_buffers(const Plan& plan, std::int64_t images, bool with_gradient);

}  // namespace concertina::fused
