#include "stored_tensor.h"

#include <cstring>

#include <ATen/ops/empty.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 40;  // of elements; also a bound for products
constexpr std::size_t kMaxRank = 8;

std::string text(const std::vector<std::int64_t>& numbers) {
  std::string list;
  for (const std::int64_t number : numbers)
    list += (list.empty() ? "" : ", ") + std::to_string(number);
  return "[" + list + "]";
}

// How many elements of the storage the view spans.
std::int64_t extent(const StoredTensor& view, std::int64_t elements, const std::string& where) {
  std::int64_t last = 0;
  for (std::size_t k = 0; k < view.sizes.size(); ++k) {
    const std::int64_t steps = view.sizes[k] - 1, stride = view.strides[k];
    if (stride < 0) throw DataError(where + ": its stride is " + text(view.strides));
    if (steps > 0 && stride > (elements - 1 - last) / steps) {
      throw DataError(where + ": damaged: size " + text(view.sizes) + " and stride " +
                      text(view.strides) + " at " + std::to_string(view.offset) +
                      " go beyond its storage of " + std::to_string(elements + view.offset) +
                      " elements");
    }
    if (steps > 0) last += stride * steps;
  }
  return last + 1;
}

}  // namespace

void Allowance::take(std::uint64_t bytes, const std::string& where) {
  if (bytes > left_) throw DataError(where + ": the tensors are larger than the file allows");
  left_ -= bytes;
}

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& sizes,
                                             const std::string& where) {
  if (sizes.size() > kMaxRank) {
    throw DataError(where + ": " + std::to_string(sizes.size()) + " dimensions; expected at most " +
                    std::to_string(kMaxRank));
  }
  std::vector<std::int64_t> strides(sizes.size());
  std::int64_t product = 1;
  for (std::size_t k = sizes.size(); k-- > 0;) {
    strides[k] = product;
    if (sizes[k] < 0 || sizes[k] > kMost || (sizes[k] > 0 && product > kMost / sizes[k])) {
      throw DataError(where + ": damaged: its size is " + text(sizes));
    }
    // An empty tensor's strides are as if each dimension had one element.
    if (sizes[k] > 0) product *= sizes[k];
  }
  return strides;
}

at::Tensor copy_view(std::string_view storage, const StoredTensor& view, Allowance& allowance,
                     const std::string& where) {
  contiguous_strides(view.sizes, where);  // refuses wild sizes
  std::int64_t count = 1;
  for (const std::int64_t size : view.sizes) count *= size;
  const c10::ScalarType kept = c10::isFloatingType(view.type) ? at::kFloat : at::kLong;
  if (count == 0) return at::empty(view.sizes, kept);
  const std::size_t element = c10::elementSize(view.type);
  const auto all = static_cast<std::int64_t>(storage.size() / element);
  if (view.strides.size() != view.sizes.size()) {
    throw DataError(where + ": damaged: size " + text(view.sizes) + ", but stride " +
                    text(view.strides));
  }
  if (view.offset < 0 || view.offset >= all) {
    throw DataError(where + ": damaged: it begins at " + std::to_string(view.offset) +
                    " of a storage of " + std::to_string(all) + " elements");
  }
  const std::int64_t span = extent(view, all - view.offset, where);
  if (count > span) throw DataError(where + ": its elements lie over one another");
  allowance.take(static_cast<std::uint64_t>(span) * 8, where);
  at::Tensor copy = at::empty({span}, view.type);
  std::memcpy(copy.data_ptr(), storage.data() + static_cast<std::size_t>(view.offset) * element,
              static_cast<std::size_t>(span) * element);
  return copy.as_strided(view.sizes, view.strides).to(kept).contiguous();
}

}  // namespace concertina
