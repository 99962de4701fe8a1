#include "output/results.h"

#include <iostream>

#include "concertina/core/text.h"

#include "output/table.h"

namespace concertina::cli {

// Names and paths need not be UTF-8, which JSON must be.
std::string json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void print_json(const Json& json) { std::cout << json_text(json); }

Json width_json(Width width) {
  if (width.is_uniform()) return width.value();
  Json shares = Json::array();
  for (int stage = 0; stage < width.stages(); ++stage) shares.push_back(width.value(stage));
  return shares;
}

Json subnet_json(const NetSpec& net, const Subnet& subnet) {
  return {{"id", subnet_id(net, subnet)},
          {"width", width_json(subnet.width)},
          {"bits", subnet.width.bits()},
          {"exit", subnet.exit}};
}

void put_cost(Json& json, const Cost& cost) {
  json["macs"] = cost.macs;
  json["ops"] = cost.ops;
  json["params"] = cost.params;
  json["bytes"] = cost.bytes;
  json["peak_activation_bytes"] = cost.peak_activation_bytes;
}

Json evaluation_json(const std::optional<Evaluation>& row) {
  if (!row) return nullptr;
  return {{"accuracy", row->accuracy}, {"loss", row->loss}, {"epoch", row->epoch}};
}

Json measurement_json(const Measurement& row) {
  Json json = {{"id", row.id},
               {"width", width_json(row.subnet.width)},
               {"bits", row.subnet.width.bits()},
               {"exit", row.subnet.exit},
               {"accuracy", row.accuracy},
               {"loss", row.loss}};
  put_cost(json, row.cost);
  json["latency_median_s"] = row.latency_median;
  json["latency_p95_s"] = row.latency_p95;
  return json;
}

Json measurements_json(const std::vector<Measurement>& rows) {
  Json json = Json::array();
  for (const Measurement& row : rows) json.push_back(measurement_json(row));
  return json;
}

Json setting_json(const SweepSetting& setting) {
  return {{"split", setting.split},
          {"images", setting.images},
          {"batch", setting.batch},
          {"threads", setting.threads},
          {"repetitions", setting.repetitions},
          {"warm_up", setting.warm_up},
          {"device", setting.device},
          {"processor", setting.processor},
          {"run_sha256", setting.run_sha256}};
}

std::string measurement_table(const std::vector<Measurement>& rows, const SweepSetting& setting) {
  TextTable table({"sub-model", ">accuracy", ">loss", ">MACs", ">params", ">size", ">activations",
                   ">latency", ">p95"});
  for (const Measurement& row : rows) {
    table.add({row.id, accuracy_cell(row.accuracy), loss_cell(row.loss), count_cell(row.cost.macs),
               count_cell(row.cost.params), bytes_cell(row.cost.bytes),
               bytes_cell(row.cost.peak_activation_bytes),
               format_quantity(row.latency_median, Unit::seconds),
               format_quantity(row.latency_p95, Unit::seconds)});
  }
  return table.text() + "accuracy and loss: " + std::to_string(setting.images) + " " +
         setting.split + " images; latency: batch " + std::to_string(setting.batch) + ", " +
         std::to_string(setting.threads) + " threads, " + setting.device + "\n";
}

std::string count_cell(std::int64_t value) {
  return format_quantity(static_cast<double>(value), Unit::count);
}
std::string bytes_cell(std::int64_t value) {
  return format_quantity(static_cast<double>(value), Unit::bytes);
}
std::string accuracy_cell(double value) { return format_quantity(value, Unit::fraction); }
std::string loss_cell(double value) { return format_fixed(value, 4); }

}  // namespace concertina::cli
