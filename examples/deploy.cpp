// Names what is on a picture: deploy MODEL.h5 PICTURE.ppm MAX_MACS
#include <concertina/deploy/flexible_model.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <vector>

#include <ATen/Functions.h>

int main(int, char** arguments) {
  using namespace concertina;
  const auto model = deploy::FlexibleModel::load(arguments[1]);
  Budget budget;
  budget.max_macs = std::atof(arguments[3]);
  const Measurement& choice = model.pick(budget);

  std::ifstream file(arguments[2], std::ios::binary);
  std::string magic;
  int width = 0, height = 0, most = 0;
  file >> magic >> width >> height >> most;
  std::vector<char> pixels(static_cast<std::size_t>(3 * width * height));
  file.ignore().read(pixels.data(), static_cast<std::streamsize>(pixels.size()));

  const at::Tensor picture = at::from_blob(pixels.data(), {1, height, width, 3}, at::kByte);
  const at::Tensor images = model.normalize(picture.permute({0, 3, 1, 2}));
  const at::Tensor logits = model.forward(images, choice.subnet);
  const auto best = static_cast<std::size_t>(at::argmax(logits).item<std::int64_t>());
  std::cout << choice.id << " of " << model.submodels().size() << " says " << model.classes()[best]
            << "\n";
}
