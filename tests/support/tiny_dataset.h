// A small dataset that is the same on every machine and can be learned: each class is a bright
// stripe at its own place, on noise.
#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "concertina/feed/dataset.h"

namespace concertina::support {

struct TinyShape {
  std::int64_t classes = 4, channels = 3, height = 8, width = 8, train = 64, test = 32;
};

inline std::uint32_t tiny_hash(std::uint32_t x) {
  x = (x ^ (x >> 16U)) * 0x7feb352dU;
  x = (x ^ (x >> 15U)) * 0x846ca68bU;
  return x ^ (x >> 16U);
}

// Image i has label i % classes; its columns column * classes / width == label are bright.
inline Split tiny_split(const TinyShape& shape, std::int64_t count, std::uint32_t salt) {
  Split split{at::empty({count, shape.channels, shape.height, shape.width}, at::kByte),
              at::empty({count}, at::kLong)};
  auto* pixel = split.images.data_ptr<std::uint8_t>();
  const std::int64_t size = shape.channels * shape.height * shape.width;
  for (std::int64_t i = 0; i < count * size; ++i) {
    const std::int64_t label = i / size % shape.classes;
    split.labels.data_ptr<std::int64_t>()[i / size] = label;
    const bool bright = i % shape.width * shape.classes / shape.width == label;
    const auto noise = tiny_hash(salt + static_cast<std::uint32_t>(i)) % 100;
    pixel[i] = static_cast<std::uint8_t>(noise + (bright ? 150 : 0));
  }
  return split;
}

inline Dataset tiny_dataset(const TinyShape& shape = {}) {
  Dataset dataset{"tiny",
                  {},
                  tiny_split(shape, shape.train, 1U << 20U),
                  tiny_split(shape, shape.test, 1U << 28U)};
  for (std::int64_t i = 0; i < shape.classes; ++i)
    dataset.classes.push_back("class" + std::to_string(i));
  return dataset;
}

}  // namespace concertina::support
