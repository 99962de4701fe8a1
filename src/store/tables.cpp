#include "tables.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>

#include "concertina/core/error.h"
#include "concertina/core/version.h"

#include "image_file.h"

namespace concertina::h5 {
namespace {

using Id = char[160];
using Split = char[16];

struct EvaluationRow {
  std::int64_t epoch;
  Id submodel;
  Split split;
  double loss, accuracy;
  std::int64_t macs, params;
};

struct MeasurementRow {
  Id submodel;
  double width;
  std::int64_t exit, macs, ops, params, bytes, peak_activation_bytes;
  double accuracy, loss, latency_median, latency_p95;
};

template <std::size_t N>
void put(char (&field)[N], const std::string& text) {
  if (text.size() > N) throw Fault("\"" + text + "\" is too long for a table");
  std::memset(field, 0, N);
  std::memcpy(field, text.data(), text.size());
}

template <std::size_t N>
std::string get(const char (&field)[N]) {
  return std::string(field, strnlen(field, N));
}

class RowType {
 public:
  explicit RowType(std::size_t size) : type_(H5Tcreate(H5T_COMPOUND, size), H5Tclose, "row") {}
  RowType& integer(const char* name, std::size_t at) { return add(name, at, H5T_STD_I64LE); }
  RowType& real(const char* name, std::size_t at) { return add(name, at, H5T_IEEE_F64LE); }
  RowType& text(const char* name, std::size_t at, std::size_t size) {
    return add(name, at, string_type(size).get());
  }
  hid_t get() const { return type_.get(); }

 private:
  RowType& add(const char* name, std::size_t at, hid_t type) {
    check(H5Tinsert(type_.get(), name, at, type), name);
    return *this;
  }
  Handle type_;
};

RowType evaluation_type() {
  using Row = EvaluationRow;
  RowType type(sizeof(Row));
  type.integer("epoch", offsetof(Row, epoch))
      .text("submodel", offsetof(Row, submodel), sizeof(Id))
      .text("split", offsetof(Row, split), sizeof(Split))
      .real("loss", offsetof(Row, loss))
      .real("accuracy", offsetof(Row, accuracy))
      .integer("macs", offsetof(Row, macs))
      .integer("params", offsetof(Row, params));
  return type;
}

RowType measurement_type() {
  using Row = MeasurementRow;
  RowType type(sizeof(Row));
  type.text("submodel", offsetof(Row, submodel), sizeof(Id))
      .real("width", offsetof(Row, width))
      .integer("exit", offsetof(Row, exit))
      .integer("macs", offsetof(Row, macs))
      .integer("ops", offsetof(Row, ops))
      .integer("params", offsetof(Row, params))
      .integer("bytes", offsetof(Row, bytes))
      .integer("peak_activation_bytes", offsetof(Row, peak_activation_bytes))
      .real("accuracy", offsetof(Row, accuracy))
      .real("loss", offsetof(Row, loss))
      .real("latency_median", offsetof(Row, latency_median))
      .real("latency_p95", offsetof(Row, latency_p95));
  return type;
}

template <typename Row>
std::vector<Row> read_rows(const StoredGroup& group, const RowType& type) {
  const StoredData data = group.data("table");
  const Dims dims = data.dims(type.get(), 1);
  if (dims.size() != 1) data.refuse("not a table");
  std::vector<Row> rows(dims[0]);
  if (!rows.empty()) data.read(type.get(), rows.data());
  return rows;
}

struct Point {
  std::int64_t macs;
  double accuracy;
  friend bool operator<(const Point& a, const Point& b) { return a.macs < b.macs; }
};

// NXdata: h5web, NeXpy, silx and DAWN draw it with no code.
void write_plot(const Group& entry, std::vector<Point> points, const std::string& title) {
  if (points.empty()) return;
  std::stable_sort(points.begin(), points.end());
  std::vector<double> accuracy;
  std::vector<std::int64_t> macs;
  for (const Point& point : points) {
    accuracy.push_back(point.accuracy);
    macs.push_back(point.macs);
  }
  const Group plot = entry.group("plot");
  plot.set_text("NX_class", "NXdata");
  plot.set_text("signal", "accuracy");
  plot.set_text("axes", "macs");
  plot.text("title", title);
  plot.reals("accuracy", accuracy).set_text("long_name", "accuracy (fraction)");
  plot.dataset("macs", H5T_STD_I64LE, {macs.size()}, macs.data())
      .set_text("long_name", "multiply-accumulates an image");
}

int small(const StoredGroup& group, const char* name) {
  const std::int64_t value = group.integer(name);
  if (value < 0 || value > std::numeric_limits<int>::max()) {
    group.refuse(std::string(name) + " is " + std::to_string(value));
  }
  return static_cast<int>(value);
}

// One number, or none where the width has a share a stage.
double width_number(Width width) {
  return width.is_uniform() ? width.value() : std::numeric_limits<double>::quiet_NaN();
}

// Of a sub-model's id, which an exit may follow.
Width width_of(const StoredGroup& group, const std::string& id) {
  try {
    return Width::parse_label(id.substr(0, id.find("-e")));
  } catch (const UsageError& error) {
    group.refuse(error.what());
  }
}

}  // namespace

void write_evaluations(const Group& group, const std::vector<Evaluation>& rows) {
  std::vector<EvaluationRow> table(rows.size());
  std::vector<Point> latest;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Evaluation& row = rows[i];
    table[i] = {row.epoch, {}, {}, row.loss, row.accuracy, row.macs, row.params};
    put(table[i].submodel, row.id);
    put(table[i].split, row.split);
    if (row.epoch == rows.back().epoch && row.split == rows.back().split) {
      latest.push_back({row.macs, row.accuracy});
    }
  }
  group.set_text("NX_class", "NXentry");
  group.set_text("default", "plot");
  group.dataset("table", evaluation_type().get(), {table.size()}, table.data());
  if (rows.empty()) return;
  write_plot(group, latest, rows.back().split + ", epoch " + std::to_string(rows.back().epoch));
}

std::vector<Evaluation> read_evaluations(const StoredGroup& group) {
  std::vector<Evaluation> rows;
  for (const EvaluationRow& row : read_rows<EvaluationRow>(group, evaluation_type())) {
    rows.push_back({row.epoch, get(row.submodel), get(row.split), row.loss, row.accuracy, row.macs,
                    row.params});
  }
  return rows;
}

void write_measurements(const Group& group, const std::vector<Measurement>& rows,
                        const std::string& title) {
  std::vector<MeasurementRow> table(rows.size());
  std::vector<Point> points;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Measurement& row = rows[i];
    const Cost& cost = row.cost;
    table[i] = {{},
                width_number(row.subnet.width),
                row.subnet.exit,
                cost.macs,
                cost.ops,
                cost.params,
                cost.bytes,
                cost.peak_activation_bytes,
                row.accuracy,
                row.loss,
                row.latency_median,
                row.latency_p95};
    put(table[i].submodel, row.id);
    points.push_back({cost.macs, row.accuracy});
  }
  group.set_text("NX_class", "NXentry");
  group.set_text("default", "plot");
  group.dataset("table", measurement_type().get(), {table.size()}, table.data());
  write_plot(group, points, title);
}

std::vector<Measurement> read_measurements(const StoredGroup& group) {
  std::vector<Measurement> rows;
  for (const MeasurementRow& row : read_rows<MeasurementRow>(group, measurement_type())) {
    Measurement result;
    result.id = get(row.submodel);
    result.subnet.width = width_of(group, result.id);
    result.subnet.exit = static_cast<int>(row.exit);
    result.cost = {row.macs, row.ops, row.params, row.bytes, row.peak_activation_bytes};
    result.accuracy = row.accuracy;
    result.loss = row.loss;
    result.latency_median = row.latency_median;
    result.latency_p95 = row.latency_p95;
    rows.push_back(std::move(result));
  }
  return rows;
}

void write_setting(const Group& group, const SweepSetting& setting) {
  group.set_text("split", setting.split);
  group.set_integer("images", setting.images);
  group.set_integer("batch", setting.batch);
  group.set_integer("threads", setting.threads);
  group.set_integer("repetitions", setting.repetitions);
  group.set_integer("warm_up", setting.warm_up);
  group.set_text("device", setting.device);
  group.set_text("processor", setting.processor);
  group.set_text("run_sha256", setting.run_sha256);
}

SweepSetting read_setting(const StoredGroup& group) {
  SweepSetting setting;
  setting.split = group.text("split");
  setting.images = group.integer("images");
  setting.batch = small(group, "batch");
  setting.threads = small(group, "threads");
  setting.repetitions = small(group, "repetitions");
  setting.warm_up = small(group, "warm_up");
  setting.device = group.text("device");
  setting.processor = group.text("processor");
  setting.run_sha256 = group.text("run_sha256");
  return setting;
}

void write_identity(const Group& root, const Identity& identity) {
  root.set_text("format", identity.format);
  root.set_integer("format_version", kFormatVersion);
  root.set_text("creator", "concertina " + version());
  root.set_text("parent_sha256", identity.parent_sha256);
  root.set_text("NX_class", "NXroot");
  root.set_text("default", identity.shown);
}

void check_identity(const StoredGroup& root, const char* format) {
  const std::string found = root.text("format");
  if (found != format) throw Fault("a " + found + " file found, " + format + " expected");
  if (root.integer("format_version") != kFormatVersion) {
    throw Fault("format version " + std::to_string(root.integer("format_version")) +
                " found inside, " + std::to_string(kFormatVersion) + " expected");
  }
}

}  // namespace concertina::h5
