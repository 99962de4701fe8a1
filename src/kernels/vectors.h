// Loops over channels for files that Highway compiles once per instruction set: whole vectors, then
// one masked tail. No include guard of the usual kind: every instruction set includes it anew.
#if defined(CONCERTINA_KERNELS_VECTORS_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CONCERTINA_KERNELS_VECTORS_H
#undef CONCERTINA_KERNELS_VECTORS_H
#else
#define CONCERTINA_KERNELS_VECTORS_H
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;

// A vector's place in a row: all its channels, or the first few.
struct Whole {
  Vec load(const float* from) const { return hn::LoadU(Tag(), from); }
  void store(Vec value, float* to) const { hn::StoreU(value, Tag(), to); }
};

class Tail {
 public:
  explicit Tail(std::size_t count) : mask_(hn::FirstN(Tag(), count)) {}
  Vec load(const float* from) const { return hn::MaskedLoad(mask_, Tag(), from); }
  void store(Vec value, float* to) const { hn::BlendedStore(value, mask_, Tag(), to); }

 private:
  hn::Mask<Tag> mask_;
};

// Calls body(first channel, Whole or Tail) for every vector of a row.
template <class Body>
HWY_INLINE void for_channels(std::int64_t channels, const Body& body) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  std::int64_t channel = 0;
  for (; channel + lanes <= channels; channel += lanes) body(channel, Whole());
  if (channel < channels) body(channel, Tail(static_cast<std::size_t>(channels - channel)));
}

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // once per instruction set
