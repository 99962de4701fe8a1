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
struct ChannelSlice {
  int buffer = 0;
  int channel = 0;
  int channels = 0;
};

enum class Kind {
  conv,       // as matrix products; with its norms
  depthwise,  // with its norm
  head,       // global average pool and linear layer: the logits of an exit
  tap         // the values of a map, to be given out
};

// How a convolution becomes products of rows with its weight [columns, inner].
enum class Patches {
  none,      // pointwise: a row is a pixel
  of_input,  // a row is what one output pixel sees (im2col); the weight is [out, taps * in]
  of_output  // a row is one input pixel, and what it adds to the output pixels that see it is taps
             // * out wide (kn2row); the weight is [taps * out, in], taps in reverse. Stride 1
};

// A layer of an operation: a convolution or linear layer, and the norm behind it.
struct Part {
  int layer = 0;  // index into ResolvedNet::layers
  int norm = -1;  // likewise; -1: none
  int channels = 0;
};

struct Operation {
  Kind kind = Kind::conv;
  std::vector<Part> parts;   // side by side in the output; several: pointwise ones of one input
  ChannelSlice in, out;      // head and tap: out is a tensor, out.buffer the result's number
  kernels::Window window{};  // of one image
  Patches patches = Patches::none;

  bool gives_result() const { return kind == Kind::head || kind == Kind::tap; }
  bool has_norm() const { return parts.front().norm >= 0; }
  // Of a depthwise one the weight is [out, taps].
  std::int64_t inner() const {
    if (kind == Kind::depthwise) return window.taps();
    return patches == Patches::of_output ? window.channels : window.taps() * window.channels;
  }
  std::int64_t columns() const {
    return patches == Patches::of_output ? window.taps() * out.channels : out.channels;
  }
  std::int64_t weight_size() const { return inner() * columns(); }
  // The window whose patches are rows: the convolution's own, or that of its transpose, which reads
  // the output.
  kernels::Window patch_window() const;
  // Rows of the products, of one image.
  std::int64_t row_pixels() const { return patch_window().out_pixels(); }

  // For the backward pass. Nothing comes back to an operation that leads to no result.
  bool leads_to_result = false;
  // The gradient in `in` is written, or added when others came before.
  bool accumulates = false;
  std::vector<ChannelSlice> clears;  // parts nobody has written yet, when others are to be added to
  std::vector<int> finishes;  // operations whose output's gradient is complete after this one
};

struct Plan {
  std::vector<Buffer> buffers;
  std::vector<Operation> operations;  // in order
  int results = 0;                    // the exits' logits, then the taps
};

// What cannot be fused: the layer, and why. Such a net runs on the plain engine.
struct Unfit {
  std::string layer;
  std::string reason;
};

// taps: indexes of live layers of the spec. Throws Unfit.
Plan compile(const NetSpec& spec, const ResolvedNet& resolved, const std::vector<int>& taps);

// What compile() does at its end, in this order: says which operations lead to a result; makes one
// of those that read the same (fused_join.cpp).
void mark_leads(Plan& plan);
void join_readers(Plan& plan);

// Fills in what operations need for the backward pass: which of them writes a gradient first, and
// which last.
void plan_backward(Plan& plan);

// What a pass over `images` keeps, in one arena: each buffer's z, then (with_gradient) each
// buffer's gradient. A pass forward takes the steps 0..n-1, the backward pass n..2n-1.
Arena place_buffers(const Plan& plan, std::int64_t images, bool with_gradient);

}  // namespace concertina::fused
