#include "fused_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace concertina::fused {
namespace {

constexpr std::size_t kPage = std::size_t{2} << 20;
constexpr std::size_t kKept = 4;  // blocks that wait for the next pass

}  // namespace

Block::Block(std::int64_t floats) : floats_(floats) {
  const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
  const std::size_t alignment = bytes >= kPage ? kPage : 64;
  const std::size_t size =
      std::max<std::size_t>((bytes + alignment - 1) / alignment, 1) * alignment;
  void* memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == kPage) ::madvise(memory, size, MADV_HUGEPAGE);  // a wish only
#endif
  data_.reset(static_cast<float*>(memory));
}

void Block::Free::operator()(float* data) const { std::free(data); }

std::shared_ptr<Block> Memory::borrow(std::int64_t floats) {
  Block block;
  {
    const std::lock_guard<std::mutex> lock(pool_->mutex);
    auto best = pool_->blocks.end();
    for (auto it = pool_->blocks.begin(); it != pool_->blocks.end(); ++it) {
      if (it->floats() < floats) continue;
      if (best == pool_->blocks.end() || it->floats() < best->floats()) best = it;
    }
    if (best != pool_->blocks.end()) {
      block = std::move(*best);
      pool_->blocks.erase(best);
    } else if (!pool_->blocks.empty()) {
      pool_->blocks.pop_back();  // too small for what passes need now
    }
  }
  if (block.data() == nullptr) block = Block(floats);
  const auto give_back = [pool = pool_](Block* used) {
    const std::unique_ptr<Block> owned(used);
    const std::lock_guard<std::mutex> lock(pool->mutex);
    if (pool->blocks.size() < kKept) pool->blocks.push_back(std::move(*owned));
  };
  return {new Block(std::move(block)), give_back};
}

}  // namespace concertina::fused
