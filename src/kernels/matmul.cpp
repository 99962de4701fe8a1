#include "concertina/kernels/matmul.h"

#include <omp.h>

#include <array>
#include <dnnl.hpp>
#include <map>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace concertina::kernels {
namespace {

using Type = dnnl::memory::data_type;
using Desc = dnnl::memory::desc;

template <class T>
constexpr Type type_of() {
  return std::is_same_v<T, float> ? Type::f32 : Type::bf16;
}

// oneDNN would start threads of its own; one thread of ours works on one tile.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

const dnnl::engine& engine() {
  static const dnnl::engine one(dnnl::engine::kind::cpu, 0);
  return one;
}

dnnl::matmul::primitive_desc product(const Desc& a, const Desc& b, const Desc& c, bool accumulate) {
  dnnl::primitive_attr attributes;
  if (accumulate) {
    dnnl::post_ops post;
    post.append_sum(1);
    attributes.set_post_ops(post);
  }
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), a, b, c, attributes};
#else
  return {{a, b, c}, attributes, engine()};
#endif
}

// A primitive and the memory objects that it works on: a and c, and b where there is one.
struct Job {
  Job(dnnl::primitive made, const Desc& a_desc, const Desc& c_desc, const Desc* b_desc = nullptr)
      : primitive(std::move(made)), a(a_desc, engine(), nullptr), c(c_desc, engine(), nullptr) {
    arguments = {{DNNL_ARG_SRC, a}, {DNNL_ARG_DST, c}};
    if (b_desc == nullptr) return;
    b = dnnl::memory(*b_desc, engine(), nullptr);
    arguments[DNNL_ARG_WEIGHTS] = b;
  }

  dnnl::primitive primitive;
  dnnl::memory a, b, c;
  std::unordered_map<int, dnnl::memory> arguments;
};

// What one thread has made so far: a memory object serves one product at a time.
class Cache {
 public:
  using Key = std::array<std::int64_t, 7>;

  // The job of that key, made by `make` when it is new.
  template <class Make>
  void run(const Key& key, const void* a, const void* b, void* c, const Make& make) {
    const OneThread guard;
    try {
      auto found = jobs_.find(key);
      if (found == jobs_.end()) found = jobs_.emplace(key, make()).first;
      Job& job = found->second;
      put(a, job.a);
      if (b != nullptr) put(b, job.b);
      put(c, job.c);
      job.primitive.execute(stream_, job.arguments);
    } catch (const dnnl::error& error) {
      throw std::runtime_error(std::string("oneDNN refuses a matrix product: ") + error.what());
    }
  }

 private:
  // A new handle makes oneDNN write the zeros of a packed operand's padding once more: those that
  // packing wrote.
  static void put(const void* data, dnnl::memory& operand) {
    if (operand.get_data_handle() != data) operand.set_data_handle(const_cast<void*>(data));
  }

  dnnl::stream stream_{engine()};
  std::map<Key, Job> jobs_;
};

Cache& cache() {
  static thread_local Cache of_thread;
  return of_thread;
}

enum Kind { kPack, kMultiply, kTransposed };

// As oneDNN would have it for tiles of 256 rows.
template <class T>
const Desc& packed_desc(std::int64_t inner, std::int64_t columns) {
  static thread_local std::map<std::array<std::int64_t, 2>, Desc> known;
  const auto found = known.find({inner, columns});
  if (found != known.end()) return found->second;
  constexpr std::int64_t kRows = 256;
  const Desc a({kRows, inner}, type_of<T>(), {inner, 1});
  const Desc b({inner, columns}, type_of<T>(), dnnl::memory::format_tag::any);
  const Desc c({kRows, columns}, type_of<T>(), {columns, 1});
  return known.emplace(std::array{inner, columns}, product(a, b, c, false).weights_desc())
      .first->second;
}

}  // namespace

template <class T>
std::int64_t packed_size(std::int64_t inner, std::int64_t columns) {
  const OneThread guard;
  const std::size_t bytes = packed_desc<T>(inner, columns).get_size();
  return static_cast<std::int64_t>(bytes / sizeof(T));
}

template <class T>
RightHand<T> pack(std::int64_t inner, std::int64_t columns, const float* b, std::int64_t b_inner,
                  std::int64_t b_column, T* into) {
  const Cache::Key key{kPack, sizeof(T), inner, columns, b_inner, b_column};
  cache().run(key, b, nullptr, into, [&] {
    const Desc from({inner, columns}, Type::f32, {b_inner, b_column});
    const Desc& to = packed_desc<T>(inner, columns);
    return Job(dnnl::reorder({engine(), from, engine(), to}), from, to);
  });
  return {inner, columns, into, 0};
}

template <class T, class Out>
void multiply(std::int64_t rows, const T* a, const RightHand<T>& b, Out* c) {
  const Cache::Key key{kMultiply, sizeof(T), sizeof(Out), rows, b.inner, b.columns, b.row};
  cache().run(key, a, b.data, c, [&] {
    const Desc a_desc({rows, b.inner}, type_of<T>(), {b.inner, 1});
    const Desc b_desc = b.row == 0 ? packed_desc<T>(b.inner, b.columns)
                                   : Desc({b.inner, b.columns}, type_of<T>(), {b.row, 1});
    const Desc c_desc({rows, b.columns}, type_of<Out>(), {b.columns, 1});
    return Job(dnnl::matmul(product(a_desc, b_desc, c_desc, false)), a_desc, c_desc, &b_desc);
  });
}

template <class T>
void multiply_transposed(std::int64_t rows, std::int64_t a_columns, std::int64_t b_columns,
                         const T* a, const T* b, float* c, bool accumulate) {
  const Cache::Key key{kTransposed, sizeof(T), rows, a_columns, b_columns, accumulate};
  cache().run(key, a, b, c, [&] {
    const Desc a_desc({a_columns, rows}, type_of<T>(), {1, a_columns});
    const Desc b_desc({rows, b_columns}, type_of<T>(), {b_columns, 1});
    const Desc c_desc({a_columns, b_columns}, Type::f32, {b_columns, 1});
    return Job(dnnl::matmul(product(a_desc, b_desc, c_desc, accumulate)), a_desc, c_desc, &b_desc);
  });
}

bool has_bfloat16() {
  const OneThread guard;
  try {
    packed_desc<BFloat16>(16, 16);
    return true;
  } catch (const dnnl::error&) {
    return false;
  }
}

template std::int64_t packed_size<float>(std::int64_t, std::int64_t);
template std::int64_t packed_size<BFloat16>(std::int64_t, std::int64_t);
template RightHand<float> pack<float>(std::int64_t, std::int64_t, const float*, std::int64_t,
                                      std::int64_t, float*);
template RightHand<BFloat16> pack<BFloat16>(std::int64_t, std::int64_t, const float*, std::int64_t,
                                            std::int64_t, BFloat16*);
template void multiply(std::int64_t, const float*, const RightHand<float>&, float*);
template void multiply(std::int64_t, const BFloat16*, const RightHand<BFloat16>&, BFloat16*);
template void multiply(std::int64_t, const BFloat16*, const RightHand<BFloat16>&, float*);
template void multiply_transposed(std::int64_t, std::int64_t, std::int64_t, const float*,
                                  const float*, float*, bool);
template void multiply_transposed(std::int64_t, std::int64_t, std::int64_t, const BFloat16*,
                                  const BFloat16*, float*, bool);

void multiply_plain(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* a,
                    const float* b, std::int64_t b_inner, std::int64_t b_column, float* c) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < inner; ++k) {
        sum += static_cast<double>(a[i * inner + k]) * b[k * b_inner + j * b_column];
      }
      c[i * columns + j] = static_cast<float>(sum);
    }
  }
}

void multiply_transposed_plain(std::int64_t rows, std::int64_t a_columns, std::int64_t b_columns,
                               const float* a, const float* b, float* c, bool accumulate) {
  for (std::int64_t i = 0; i < a_columns; ++i) {
    for (std::int64_t j = 0; j < b_columns; ++j) {
      double sum = accumulate ? c[i * b_columns + j] : 0;
      for (std::int64_t r = 0; r < rows; ++r) {
        sum += static_cast<double>(a[r * a_columns + i]) * b[r * b_columns + j];
      }
      c[i * b_columns + j] = static_cast<float>(sum);
    }
  }
}

}  // namespace concertina::kernels
