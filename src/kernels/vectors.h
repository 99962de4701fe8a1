// Loops over channels for files that Highway compiles once per instruction set: groups of whole
// vectors of 16 first, then single ones, one of 8, and what is left. No include guard of the usual
// kind: every instruction set includes it anew.
#if defined(CONCERTINA_KERNELS_VECTORS_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CONCERTINA_KERNELS_VECTORS_H
#undef CONCERTINA_KERNELS_VECTORS_H
#else
#define CONCERTINA_KERNELS_VECTORS_H
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "concertina/kernels/bfloat16.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Halves = hn::Rebind<std::uint16_t, D>;

template <class D>
HWY_INLINE hn::Vec<D> widened(hn::Vec<Halves<D>> halves) {
  const hn::Rebind<std::uint32_t, D> d;
  return hn::BitCast(D(), hn::ShiftLeft<16>(hn::PromoteTo(d, halves)));
}

// As rounded() of bfloat16.h.
template <class D>
HWY_INLINE hn::Vec<Halves<D>> narrowed(hn::Vec<D> value) {
  const hn::Rebind<std::uint32_t, D> d;
  const auto bits = hn::BitCast(d, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1));
  const auto sum = hn::Add(bits, hn::Add(odd, hn::Set(d, 0x7FFF)));
  const auto none = hn::Or(bits, hn::Set(d, 0x400000));
  const auto is_number = hn::Eq(value, value);
  const auto result = hn::IfThenElse(hn::RebindMask(d, is_number), sum, none);
  return hn::TruncateTo(Halves<D>(), hn::ShiftRight<16>(result));
}

inline const std::uint16_t* bits_of(const BFloat16* from) {
  return reinterpret_cast<const std::uint16_t*>(from);
}
inline std::uint16_t* bits_of(BFloat16* to) { return reinterpret_cast<std::uint16_t*>(to); }

// A place in a row: kCount whole vectors of its channels side by side.
template <class D, int kCount>
struct Whole {
  using Tag = D;
  using Vec = hn::Vec<D>;
  static constexpr int kVectors = kCount;

  std::int64_t lanes() const { return static_cast<std::int64_t>(hn::Lanes(D())); }
  std::int64_t channels() const { return kCount * lanes(); }
  Vec load(const float* from, int vector = 0) const {
    return hn::LoadU(D(), from + vector * lanes());
  }
  Vec load(const BFloat16* from, int vector = 0) const {
    return widened<D>(hn::LoadU(Halves<D>(), bits_of(from + vector * lanes())));
  }
  void store(Vec value, float* to, int vector = 0) const {
    hn::StoreU(value, D(), to + vector * lanes());
  }
  void store(Vec value, BFloat16* to, int vector = 0) const {
    hn::StoreU(narrowed<D>(value), Halves<D>(), bits_of(to + vector * lanes()));
  }
};

#if HWY_TARGET <= HWY_AVX3
// The last few channels.
template <class D>
class Tail {
 public:
  using Tag = D;
  using Vec = hn::Vec<D>;
  static constexpr int kVectors = 1;

  explicit Tail(std::int64_t count)
      : count_(count),
        mask_(hn::FirstN(D(), static_cast<std::size_t>(count))),
        half_mask_(hn::FirstN(Halves<D>(), static_cast<std::size_t>(count))) {}

  std::int64_t channels() const { return count_; }
  Vec load(const float* from, int = 0) const { return hn::MaskedLoad(mask_, D(), from); }
  Vec load(const BFloat16* from, int = 0) const {
    return widened<D>(hn::MaskedLoad(half_mask_, Halves<D>(), bits_of(from)));
  }
  void store(Vec value, float* to, int = 0) const { hn::BlendedStore(value, mask_, D(), to); }
  void store(Vec value, BFloat16* to, int = 0) const {
    hn::BlendedStore(narrowed<D>(value), half_mask_, Halves<D>(), bits_of(to));
  }

 private:
  std::int64_t count_;
  hn::Mask<D> mask_;
  hn::Mask<Halves<D>> half_mask_;
};
#endif

// Calls body(first channel, Whole or Tail) until every channel of a row has had its turn; kGroup
// vectors at a time where there are so many. Before AVX-512 masks are slow, or touch memory that is
// not theirs: there the last few channels are vectors of 4, 2 and 1.
template <int kGroup, class Body>
HWY_INLINE void for_channels(std::int64_t channels, const Body& body) {
  using Wide = hn::CappedTag<float, 16>;
  using Narrow = hn::CappedTag<float, 8>;
  std::int64_t channel = 0;
  const auto repeat = [&](const auto& part) HWY_ATTR {
    for (; channel + part.channels() <= channels; channel += part.channels()) body(channel, part);
  };
  if constexpr (kGroup > 1) repeat(Whole<Wide, kGroup>());
  repeat(Whole<Wide, 1>());
  if constexpr (hn::MaxLanes(Narrow()) < hn::MaxLanes(Wide())) repeat(Whole<Narrow, 1>());
#if HWY_TARGET <= HWY_AVX3
  if (channel < channels) body(channel, Tail<Narrow>(channels - channel));
#else
  repeat(Whole<hn::CappedTag<float, 4>, 1>());
  repeat(Whole<hn::CappedTag<float, 2>, 1>());
  repeat(Whole<hn::CappedTag<float, 1>, 1>());
#endif
}

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // once per instruction set
