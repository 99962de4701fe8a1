#include "concertina/kernels/matmul.h"

#include <omp.h>

#include <dnnl.hpp>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>

namespace concertina::kernels {
namespace {

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

auto as_tuple(const MatmulShape& s) {
  return std::tie(s.rows, s.columns, s.inner, s.a_row, s.a_inner, s.b_inner, s.b_column, s.c_row,
                  s.accumulate);
}

struct Before {
  bool operator()(const MatmulShape& x, const MatmulShape& y) const {
    return as_tuple(x) < as_tuple(y);
  }
};

struct Product {
  explicit Product(const MatmulShape& shape) {
    const auto type = dnnl::memory::data_type::f32;
    const dnnl::memory::desc a_desc({shape.rows, shape.inner}, type, {shape.a_row, shape.a_inner});
    const dnnl::memory::desc b_desc({shape.inner, shape.columns}, type,
                                    {shape.b_inner, shape.b_column});
    const dnnl::memory::desc c_desc({shape.rows, shape.columns}, type, {shape.c_row, 1});
    dnnl::primitive_attr attributes;
    if (shape.accumulate) {
      dnnl::post_ops post;
      post.append_sum(1);
      attributes.set_post_ops(post);
    }
#if DNNL_VERSION_MAJOR >= 3
    primitive = dnnl::matmul({engine(), a_desc, b_desc, c_desc, attributes});
#else
    primitive = dnnl::matmul({{a_desc, b_desc, c_desc}, attributes, engine()});
#endif
    a = dnnl::memory(a_desc, engine(), nullptr);
    b = dnnl::memory(b_desc, engine(), nullptr);
    c = dnnl::memory(c_desc, engine(), nullptr);
    arguments = {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}};
  }

  dnnl::matmul primitive;
  dnnl::memory a, b, c;
  std::unordered_map<int, dnnl::memory> arguments;
};

// What one thread has made so far: a memory object serves one product at a time.
struct Cache {
  dnnl::stream stream{engine()};
  std::map<MatmulShape, Product, Before> products;
};

}  // namespace

void matmul(const MatmulShape& shape, const float* a, const float* b, float* c) {
  static thread_local Cache cache;
  const OneThread guard;
  try {
    auto found = cache.products.find(shape);
    if (found == cache.products.end()) {
      found = cache.products.emplace(shape, Product(shape)).first;
    }
    Product& product = found->second;
    product.a.set_data_handle(const_cast<float*>(a));  // oneDNN does not write to its sources
    product.b.set_data_handle(const_cast<float*>(b));
    product.c.set_data_handle(c);
    product.primitive.execute(cache.stream, product.arguments);
  } catch (const dnnl::error& error) {
    throw std::runtime_error(std::string("oneDNN refuses a matrix product: ") + error.what());
  }
}

void matmul_plain(const MatmulShape& shape, const float* a, const float* b, float* c) {
  for (std::int64_t i = 0; i < shape.rows; ++i) {
    for (std::int64_t j = 0; j < shape.columns; ++j) {
      double sum = shape.accumulate ? c[i * shape.c_row + j] : 0;
      for (std::int64_t k = 0; k < shape.inner; ++k) {
        sum += static_cast<double>(a[i * shape.a_row + k * shape.a_inner]) *
               b[k * shape.b_inner + j * shape.b_column];
      }
      c[i * shape.c_row + j] = static_cast<float>(sum);
    }
  }
}

}  // namespace concertina::kernels
