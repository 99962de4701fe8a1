// Counter-based random numbers (Philox4x32-10): a number depends only on (seed, stream, a, b) and
// its place in the sequence, never on threads or on what was drawn elsewhere. So a run continued
// after an interruption draws what the uninterrupted run would have drawn.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (library
// Random123).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace concertina {

// One independent family of numbers for each purpose. Never renumber: files depend on it.
enum class Stream : std::uint32_t {
  initialize = 1,          // a = layer index
  split = 2,               // the held-out validation part
  shuffle = 3,             // a = epoch
  augment = 4,             // a = epoch, b = image index
  sample_width = 5,        // a = step
  calibrate = 6,           // the calibration subset
  shapes = 7,              // the embedded set; a = 0 train / 1 test, b = image index
  bench = 8,               // random images
  search = 9,              // a = generation; or b = 1, the images that guide
  drop_edge = 10,          // a = step, b = place among the step's links
  auxiliary_modules = 11,  // a = place among a plan's learned tensors
  attack = 12,             // a = counter, b = image in the batch
  view_noise = 13,         // a = step
  sensor = 14,             // a = part of the data, b = image
  pairs = 15,              // a = epoch
};

class CounterRandom {
 public:
  // stream < 256; at most 2^24 blocks of 4 numbers can be drawn from one object. All functions here
  // throw ProgrammingError when a limit is exceeded.
  CounterRandom(std::uint64_t seed, Stream stream, std::uint32_t a = 0, std::uint64_t b = 0);

  std::uint32_t next();
  double uniform();                          // [0, 1), 32 bits
  std::uint32_t below(std::uint32_t bound);  // [0, bound), unbiased; bound > 0
  double normal();                           // mean 0, deviation 1 (Box-Muller)

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;  // of block 0
  std::uint32_t blocks_ = 0;              // drawn
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0;
};

// 0..count-1 in a random order (Fisher-Yates). count: 0 to 2^32 - 1.
std::vector<std::int64_t> permutation(std::int64_t count, CounterRandom random);

}  // namespace concertina
