// Results as JSON and as cells of a table, the same in every command.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "concertina/spec/measurement.h"
#include "concertina/store/run_file.h"

namespace concertina::cli {

using Json = nlohmann::ordered_json;

// Ends with a newline.
std::string json_text(const Json& json);
void print_json(const Json& json);

// 0.5, or [0.5, 0.75, 1] with a share a stage.
Json width_json(Width width);
// {"id": "w0.500", "width": 0.5, "exit": 1}
Json subnet_json(const NetSpec& net, const Subnet& subnet);
// macs, ops, params, bytes, peak_activation_bytes
void put_cost(Json& json, const Cost& cost);
// {"accuracy", "loss", "epoch"}, or null.
Json evaluation_json(const std::optional<Evaluation>& row);
// A row of a sweep.
Json measurement_json(const Measurement& row);
Json measurements_json(const std::vector<Measurement>& rows);
Json setting_json(const SweepSetting& setting);
// The rows as a table, ending with a line that says how it was measured.
std::string measurement_table(const std::vector<Measurement>& rows, const SweepSetting& setting);

std::string count_cell(std::int64_t value);  // "12.2M"
std::string bytes_cell(std::int64_t value);  // "3.1MiB"
std::string accuracy_cell(double value);     // "91.23%"
std::string loss_cell(double value);         // "0.312"

}  // namespace concertina::cli
