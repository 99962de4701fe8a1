// Writes a NetSpec layer by layer. Each function returns the new layer's index.
#pragma once

#include <string>
#include <vector>

#include "concertina/nets/catalog.h"

namespace concertina {

struct NetActivation {
  Activation kind = Activation::relu;
  int segments = 0;  // of lma
};

class NetBuilder {
 public:
  NetBuilder(std::string name, const NetInput& input, int divisor);

  int conv(int input, const std::string& name, int channels, int kernel, int stride,
           bool elastic = true);
  int depthwise(int input, const std::string& name, int kernel, int stride);
  // Norm and activation after `input`: NAME.norm, NAME.activation.
  int norm_activation(int input, const std::string& name, const NetActivation& activation);
  // Sets what PyTorch calls the convolution and the norm in front of `activation` (Layer::module).
  void call(int activation, const std::string& conv, const std::string& norm);
  int concat(const std::vector<int>& inputs, const std::string& name);
  int mean(const std::vector<int>& inputs, const std::string& name);
  int global_average_pool(int input, const std::string& name);
  // A linear layer to the classes, and an exit; PyTorch calls it `module`.
  int exit(int input, const std::string& name, const std::string& module = "");

  // Checks the spec and gives it away.
  NetSpec finish(std::vector<Width> widths);

  // Elastic layers from now on belong to this stage of a width; 0 at first.
  void begin_stage(int stage);

 private:
  int add(Layer layer);
  int join(LayerKind kind, const std::vector<int>& inputs, const std::string& name);
  NetSpec net_;
  int stage_ = 0;
};

// "1-2-2" -> {1, 2, 2}. Throws UsageError naming the option unless there are `count` numbers (any
// number of them if count is 0), each in least..most.
std::vector<int> parse_numbers(const std::string& option, const std::string& text, int count,
                               int least, int most);
int parse_number(const std::string& option, const std::string& text, int least, int most);
// The options "activation", `usual` or lma, and "lma-segments".
NetActivation parse_activation(const NetOptions& options, const std::string& usual,
                               Activation kind);
// "0.25-0.5-1", ascending and ending with 1.
std::vector<Width> parse_widths(const std::string& option, const std::string& text);

// The architectures; their options are in catalog.cpp's table.
NetSpec slimmable_mobilenet_v1(const NetInput& input, const NetOptions& options);
NetSpec nonn_mobilenet_v1(const NetInput& input, const NetOptions& options);
NetSpec msdnet(const NetInput& input, const NetOptions& options);

}  // namespace concertina
