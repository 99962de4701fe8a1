// An embedded dataset, drawn instead of stored: ten outlines, some of them easily confused (disc,
// pentagon and square when small; star and cross; disc, ring and crescent when crossed by a line),
// in random position, size, turn and proportion, on a cluttered background. How hard it is was set
// by training small nets of several widths: docs/data.md has the figures.
// Every image is a pure function of (split, index): no file, no order, no threads.
#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "concertina/core/random.h"

#include "readers.h"

namespace concertina::readers {
namespace {

constexpr int kSide = 32;
constexpr int kPlane = kSide * kSide;
constexpr int kClasses = 10;
constexpr std::int64_t kTrainImages = 10000, kTestImages = 2000;
constexpr std::uint64_t kSeed = 0x5368617065730001;  // never change: the images are the dataset
constexpr double kPi = 3.14159265358979323846;

struct Point {
  double x, y;
};
using Color = std::array<double, 3>;  // 0..255

double length(Point p) { return std::sqrt(p.x * p.x + p.y * p.y); }

// Distances to an outline of about unit radius, negative inside: exact or near enough at the edge.
double box(Point p, double half_width, double half_height) {
  return std::max(std::abs(p.x) - half_width, std::abs(p.y) - half_height);
}

// Unit normals of the sides of a regular pentagon and a triangle, a corner upwards.
constexpr std::array<Point, 5> kPentagon = {{{0, 1},
                                             {0.95105651629515357, 0.30901699437494742},
                                             {0.58778525229247313, -0.80901699437494742},
                                             {-0.58778525229247313, -0.80901699437494742},
                                             {-0.95105651629515357, 0.30901699437494742}}};
constexpr std::array<Point, 3> kTriangle = {
    {{0, 1}, {0.86602540378443865, -0.5}, {-0.86602540378443865, -0.5}}};

template <std::size_t N>
std::array<double, N> sides(const std::array<Point, N>& normals, Point p, double apothem) {
  std::array<double, N> distances{};
  for (std::size_t i = 0; i < N; ++i)
    distances[i] = p.x * normals[i].x + p.y * normals[i].y - apothem;
  std::sort(distances.begin(), distances.end());
  return distances;
}

double disc(Point p) { return length(p) - 0.9; }
double ring(Point p) { return std::abs(length(p) - 0.75) - 0.2; }
double square(Point p) { return box(p, 0.8, 0.8); }
double frame(Point p) { return std::abs(box(p, 0.65, 0.65)) - 0.18; }
double triangle(Point p) { return sides(kTriangle, p, 0.55).back(); }
double pentagon(Point p) { return sides(kPentagon, p, 0.8).back(); }
// The pentagram is where at most one of the five sides is on the wrong side.
double star(Point p) { return sides(kPentagon, p, 0.36)[3]; }
double cross(Point p) { return std::min(box(p, 0.95, 0.32), box(p, 0.32, 0.95)); }
double crescent(Point p) { return std::max(length(p) - 0.95, 0.75 - length({p.x - 0.45, p.y})); }
double two_discs(Point p) { return length({std::abs(p.x) - 0.52, p.y}) - 0.43; }

struct Shape {
  const char* name;
  double (*distance)(Point);
};
constexpr std::array<Shape, kClasses> kShapes = {{{"disc", disc},
                                                  {"ring", ring},
                                                  {"square", square},
                                                  {"frame", frame},
                                                  {"triangle", triangle},
                                                  {"pentagon", pentagon},
                                                  {"star", star},
                                                  {"cross", cross},
                                                  {"crescent", crescent},
                                                  {"two-discs", two_discs}}};

// Draws on a picture of doubles; every random number comes from one counter, in a fixed order.
class Painter {
 public:
  Painter(std::uint32_t split, std::int64_t index)
      : random_(kSeed, Stream::shapes, split, static_cast<std::uint64_t>(index)) {}

  void paint(const Shape& shape, std::uint8_t* out) {
    background();
    repeat(between(0, 2), [this] { line(any_color()); });
    repeat(between(0, 2), [this] { blob(any_color()); });
    foreground(shape);
    repeat(between(0, 1), [this] { line(any_color()); });
    store(out);
  }

 private:
  template <typename Action>
  void repeat(int times, const Action& action) {
    for (int i = 0; i < times; ++i) action();
  }

  double between_real(double low, double high) { return low + (high - low) * random_.uniform(); }
  int between(int low, int high) {
    return low + static_cast<int>(random_.below(static_cast<std::uint32_t>(high - low + 1)));
  }
  Point any_point() {
    const double x = between_real(0, kSide);
    return {x, between_real(0, kSide)};
  }
  Color any_color() {
    Color color{};
    for (auto& value : color) value = between_real(0, 255);
    return color;
  }
  // At least `contrast` (of 255) away from the other color in brightness or tint.
  Color away_from(const Color& other, double contrast) {
    Color direction{};
    double norm = 0;
    for (auto& value : direction) {
      value = between_real(-1, 1);
      norm += value * value;
    }
    const double scale = contrast * std::sqrt(3.0) / std::sqrt(norm + 1e-9);
    Color color{};
    for (std::size_t c = 0; c < 3; ++c) {
      const double step = direction[c] * scale;
      const double there = other[c] + step;
      color[c] = there < 0 || there > 255 ? other[c] - step : there;
    }
    return color;
  }

  void background() {
    base_ = any_color();
    for (auto& value : base_) value = 40 + value * 0.7;
    const Color slope = away_from({}, between_real(0, 60));
    const double angle = between_real(0, 2 * kPi), c = std::cos(angle), s = std::sin(angle);
    each_pixel([&](Point p, Color& pixel) {
      const double t = ((p.x - kSide / 2.0) * c + (p.y - kSide / 2.0) * s) / kSide;
      for (std::size_t i = 0; i < 3; ++i) pixel[i] = base_[i] + t * slope[i];
    });
  }

  void foreground(const Shape& shape) {
    const double radius = between_real(6.0, 13.0), margin = radius * 0.8;
    const double x = between_real(margin, kSide - margin);
    const Point center{x, between_real(margin, kSide - margin)};
    const double angle = between_real(-0.5, 0.5), c = std::cos(angle), s = std::sin(angle);
    const double stretch = between_real(0.87, 1.15);
    const Color color = away_from(base_, between_real(45, 120));
    const double shade = between_real(-30, 30);
    each_pixel([&](Point p, Color& pixel) {
      const Point d{(p.x - center.x) / radius, (p.y - center.y) / radius};
      const Point turned{(d.x * c + d.y * s) * stretch, (d.y * c - d.x * s) / stretch};
      const double cover = coverage(shape.distance(turned) * radius);
      for (std::size_t i = 0; i < 3; ++i) pixel[i] += cover * (color[i] + shade * d.y - pixel[i]);
    });
  }

  void line(const Color& color) {
    const Point a = any_point(), b = any_point();
    const double half_width = between_real(0.3, 0.9);
    const double dx = b.x - a.x, dy = b.y - a.y, squared = dx * dx + dy * dy + 1e-9;
    blend(color, 0.7, [&](Point p) {
      const double along = std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / squared, 0.0, 1.0);
      return length({p.x - a.x - along * dx, p.y - a.y - along * dy}) - half_width;
    });
  }

  void blob(const Color& color) {
    const Point center = any_point();
    const double radius = between_real(1.0, 2.6);
    blend(color, 0.8, [&](Point p) { return length({p.x - center.x, p.y - center.y}) - radius; });
  }

  static double coverage(double distance) { return std::clamp(0.5 - distance, 0.0, 1.0); }

  template <typename Distance>
  void blend(const Color& color, double opacity, const Distance& distance) {
    each_pixel([&](Point p, Color& pixel) {
      const double cover = opacity * coverage(distance(p));
      for (std::size_t i = 0; i < 3; ++i) pixel[i] += cover * (color[i] - pixel[i]);
    });
  }

  template <typename Action>
  void each_pixel(const Action& action) {
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x)
        action(Point{x + 0.5, y + 0.5}, picture_[static_cast<std::size_t>(y * kSide + x)]);
  }

  // The sum of four bytes is near enough to a normal number, and exact on every machine.
  double noise() {
    const std::uint32_t bits = random_.next();
    const std::uint32_t sum =
        (bits & 0xFFU) + ((bits >> 8U) & 0xFFU) + ((bits >> 16U) & 0xFFU) + (bits >> 24U);
    return (static_cast<double>(sum) - 510.0) / 147.8;  // deviation of the sum
  }

  void store(std::uint8_t* out) {
    const double strength = between_real(2, 10);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t i = 0; i < kPlane; ++i) {
        const double value = picture_[i][c] + strength * noise();
        out[c * kPlane + i] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5);
      }
  }

  CounterRandom random_;
  Color base_{};
  std::array<Color, kPlane> picture_{};
};

Split generate(std::uint32_t part, std::int64_t count) {
  Split split{at::empty({count, 3, kSide, kSide}, at::kByte), at::empty({count}, at::kLong)};
  auto* images = split.images.data_ptr<std::uint8_t>();
  auto* labels = split.labels.data_ptr<std::int64_t>();
  at::parallel_for(0, count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      labels[i] = i % kClasses;
      Painter(part, i).paint(kShapes[static_cast<std::size_t>(labels[i])], images + i * 3 * kPlane);
    }
  });
  return split;
}

}  // namespace

Dataset shapes(const std::string& /*unused*/) {
  Dataset dataset{"shapes", {}, generate(0, kTrainImages), generate(1, kTestImages)};
  for (const auto& shape : kShapes) dataset.classes.emplace_back(shape.name);
  return dataset;
}

}  // namespace concertina::readers
