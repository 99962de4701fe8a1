#include "concertina/select/latency_table.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <nlohmann/json.hpp>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

using Json = nlohmann::ordered_json;

// Settings that stand in every row of the CSV, and once in the JSON.
const std::vector<std::string> kSetting = {"net",         "batch",  "threads",  "warm_up",
                                           "repetitions", "device", "processor"};
const std::vector<std::string> kFigures = {
    "id", "macs", "latency_min_s", "latency_median_s", "latency_p95_s", "latency_max_s"};

const std::string kByteOrderMark = "\xEF\xBB\xBF";  // as spreadsheets write it

// One row as text, by column.
struct Record {
  std::string place;  // "phone.csv:3"
  std::map<std::string, std::string> cells;
};

void require_known(const std::string& place, const std::string& column) {
  std::vector<std::string> known = kFigures;
  known.insert(known.end(), kSetting.begin(), kSetting.end());
  if (std::find(known.begin(), known.end(), column) != known.end()) return;
  throw DataError(place + ": " + unknown_message("column", column, known));
}

std::string unquoted(const std::string& cell) {
  const bool quoted = cell.size() >= 2 && cell.front() == '"' && cell.back() == '"';
  return quoted ? cell.substr(1, cell.size() - 2) : cell;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells = split(line, ',');
  std::transform(cells.begin(), cells.end(), cells.begin(), unquoted);
  return cells;
}

std::vector<Record> csv_records(const std::string& text, const std::string& file) {
  std::vector<Record> records;
  std::vector<std::string> columns;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    if (number == 0 && line.rfind(kByteOrderMark, 0) == 0) line.erase(0, kByteOrderMark.size());
    const std::string place = file + ":" + std::to_string(++number);
    if (trim(line).empty()) continue;
    const std::vector<std::string> cells = cells_of(line);
    if (columns.empty()) {
      for (const std::string& column : cells) {
        require_known(place, column);
        if (std::count(cells.begin(), cells.end(), column) == 1) continue;
        throw DataError(place + ": column \"" + column + "\" stands there twice");
      }
      columns = cells;
      continue;
    }
    if (cells.size() != columns.size()) {
      throw DataError(place + ": " + std::to_string(cells.size()) + " cells; expected " +
                      std::to_string(columns.size()) + ", as in the header");
    }
    Record record{place, {}};
    for (std::size_t k = 0; k < cells.size(); ++k) record.cells[columns[k]] = cells[k];
    records.push_back(std::move(record));
  }
  return records;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<Record> json_records(const std::string& text, const std::string& file) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto rows = json.is_object() ? json.find("submodels") : json.end();
  if (rows == json.end() || !rows->is_array()) {
    throw DataError(file + ": no JSON object with a list \"submodels\"");
  }
  std::vector<Record> records;
  for (const Json& row : *rows) {
    Record record{file + ": submodels[" + std::to_string(records.size()) + "]", {}};
    for (const auto& [key, value] : json.items()) {
      if (key == "submodels") continue;
      require_known(file, key);
      record.cells[key] = text_of(value);
    }
    if (!row.is_object()) throw DataError(record.place + ": no object");
    for (const auto& [key, value] : row.items()) {
      require_known(record.place, key);
      record.cells[key] = text_of(value);
    }
    records.push_back(std::move(record));
  }
  return records;
}

[[noreturn]] void refuse(const Record& record, const std::string& column,
                         const std::string& expected) {
  const auto found = record.cells.find(column);
  throw DataError(record.place + ": " + column + " " +
                  (found == record.cells.end() ? "is missing" : "is \"" + found->second + "\"") +
                  "; expected " + expected);
}

std::string text_cell(const Record& record, const std::string& column) {
  const auto found = record.cells.find(column);
  return found == record.cells.end() ? "" : found->second;
}

double seconds_cell(const Record& record, const std::string& column) {
  const auto value = parse_real(text_cell(record, column));
  if (!value || *value <= 0) refuse(record, column, "seconds, a number above 0");
  return *value;
}

// Reads a column that may be left out.
double seconds_cell(const Record& record, const std::string& column, double otherwise) {
  return record.cells.count(column) == 0 ? otherwise : seconds_cell(record, column);
}

int number_cell(const Record& record, const std::string& column, int least) {
  if (record.cells.count(column) == 0) return least;
  const auto value = parse_integer(text_cell(record, column));
  if (!value || *value < least || *value > 1'000'000) {
    refuse(record, column, "a number from " + std::to_string(least));
  }
  return static_cast<int>(*value);
}

LatencyRow row_of(const Record& record) {
  LatencyRow row;
  row.id = text_cell(record, "id");
  if (row.id.empty()) refuse(record, "id", "a sub-model, such as w0.500");
  if (!text_cell(record, "macs").empty()) {
    row.macs = parse_integer(text_cell(record, "macs"));
    if (!row.macs) refuse(record, "macs", "a whole number");
  }
  row.median = seconds_cell(record, "latency_median_s");
  row.min = seconds_cell(record, "latency_min_s", row.median);
  row.p95 = seconds_cell(record, "latency_p95_s", row.median);
  row.max = seconds_cell(record, "latency_max_s", row.p95);
  return row;
}

void require_one_setting(const std::vector<Record>& records) {
  const Record& first = records.front();
  for (const Record& record : records) {
    for (const std::string& column : kSetting) {
      if (text_cell(record, column) == text_cell(first, column)) continue;
      refuse(record, column, "\"" + text_cell(first, column) + "\", as in the first row");
    }
  }
}

// A name that breaks no row.
std::string plain_cell(std::string text) {
  const auto breaks = [](unsigned char c) { return c == ',' || c == '"' || c < 0x20; };
  std::replace_if(text.begin(), text.end(), breaks, ' ');
  return text;
}

Json setting_of(const LatencyTable& table) {
  return {{"net", plain_cell(table.net)},
          {"batch", table.batch},
          {"threads", table.threads},
          {"warm_up", table.warm_up},
          {"repetitions", table.repetitions},
          {"device", plain_cell(table.device)},
          {"processor", plain_cell(table.processor)}};
}

Json figures_of(const LatencyRow& row) {
  Json json{{"id", row.id}};
  if (row.macs) json["macs"] = *row.macs;
  json["latency_min_s"] = row.min;
  json["latency_median_s"] = row.median;
  json["latency_p95_s"] = row.p95;
  json["latency_max_s"] = row.max;
  return json;
}

}  // namespace

std::string csv_text(const LatencyTable& table) {
  std::vector<std::string> columns = kFigures;
  columns.insert(columns.end(), kSetting.begin(), kSetting.end());
  std::string text = join(columns, ",") + "\n";
  for (const LatencyRow& row : table.rows) {
    Json cells = setting_of(table);
    cells.update(figures_of(row));
    std::vector<std::string> line;
    for (const std::string& column : columns) {
      const auto found = cells.find(column);
      line.push_back(found == cells.end() ? "" : text_of(*found));
    }
    text += join(line, ",") + "\n";
  }
  return text;
}

std::string json_text(const LatencyTable& table) {
  Json json = setting_of(table);
  json["submodels"] = Json::array();
  for (const LatencyRow& row : table.rows) json["submodels"].push_back(figures_of(row));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

LatencyTable read_latency_table(const std::string& text, const std::string& file) {
  const bool json = trim(text).substr(0, 1) == "{";
  const std::vector<Record> records = json ? json_records(text, file) : csv_records(text, file);
  if (records.empty()) throw DataError(file + ": no rows; expected one a sub-model");
  require_one_setting(records);
  const Record& first = records.front();
  LatencyTable table;
  table.net = plain_cell(text_cell(first, "net"));
  table.batch = number_cell(first, "batch", 1);
  table.threads = number_cell(first, "threads", 1);
  table.warm_up = number_cell(first, "warm_up", 0);
  table.repetitions = number_cell(first, "repetitions", 0);
  table.device = plain_cell(text_cell(first, "device"));
  table.processor = plain_cell(text_cell(first, "processor"));
  for (const Record& record : records) {
    table.rows.push_back(row_of(record));
    const auto same = [&](const LatencyRow& row) { return row.id == table.rows.back().id; };
    if (std::count_if(table.rows.begin(), table.rows.end(), same) > 1) {
      refuse(record, "id", "every sub-model once");
    }
  }
  return table;
}

void use_latencies(const LatencyTable& table, const std::string& file,
                   std::vector<Measurement>& rows, SweepSetting& setting) {
  for (Measurement& row : rows) {
    const auto found = std::find_if(table.rows.begin(), table.rows.end(),
                                    [&](const LatencyRow& one) { return one.id == row.id; });
    if (found == table.rows.end()) {
      throw DataError(file + ": no row of sub-model " + row.id + "; expected all of the sweep's");
    }
    if (found->macs && *found->macs != row.cost.macs) {
      throw DataError(file + ": " + row.id + " has " + std::to_string(*found->macs) +
                      " MACs; expected " + std::to_string(row.cost.macs) +
                      ", as in the sweep (is it another net's table?)");
    }
    row.latency_median = found->median;
    row.latency_p95 = found->p95;
  }
  setting.batch = table.batch;
  setting.threads = table.threads;
  setting.warm_up = table.warm_up;
  setting.repetitions = table.repetitions;
  setting.device = table.device.empty() ? "the table's device" : table.device;
  setting.processor = table.processor;
}

}  // namespace concertina
