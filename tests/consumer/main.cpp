// The logits of the smallest sub-model of a catalogue's net for two black images.
#include <concertina/nets/catalogue.h>
#include <concertina/nn/flexible_net.h>

#include <iostream>

#include <ATen/ops/zeros.h>

int main() {
  using namespace concertina;
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", NetInput{});
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  const auto logits =
      net.forward(at::zeros({2, 3, 32, 32}), {net.widths().front(), 1}, Pass::train, Exits::only);
  std::cout << "logits " << logits.front().sizes() << "\n";
}
