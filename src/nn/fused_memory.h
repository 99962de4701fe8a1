// Memory that passes use one after the other: asking the system for a few hundred megabytes a step
// costs more than many a layer.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace concertina::fused {

// Floats at a multiple of 64 bytes, in large pages where the system has them. Not initialized.
class Block {
 public:
  Block() = default;
  explicit Block(std::int64_t floats);
  float* data() const { return data_.get(); }
  std::int64_t floats() const { return floats_; }

 private:
  struct Free {
    void operator()(float* data) const;
  };
  std::unique_ptr<float, Free> data_;
  std::int64_t floats_ = 0;
};

class Memory {
 public:
  // A block of at least that many floats; it comes back to the pool when the last user lets it go,
  // which may be after the pool itself is gone.
  std::shared_ptr<Block> borrow(std::int64_t floats);

 private:
  struct Pool {
    std::mutex mutex;
    std::vector<Block> blocks;
  };
  std::shared_ptr<Pool> pool_ = std::make_shared<Pool>();
};

}  // namespace concertina::fused
