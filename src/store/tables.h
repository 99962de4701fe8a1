// Compound rows, and the plot that NeXus viewers draw from them. Private to the room.
#pragma once

#include <vector>

#include "concertina/spec/measurement.h"
#include "concertina/store/run_file.h"

#include "object_reader.h"
#include "object_writer.h"

namespace concertina::h5 {

void write_evaluations(const Group& group, const std::vector<Evaluation>& rows);
std::vector<Evaluation> read_evaluations(const StoredGroup& group);

// title: of the plot
void write_measurements(const Group& group, const std::vector<Measurement>& rows,
                        const std::string& title);
std::vector<Measurement> read_measurements(const StoredGroup& group);

void write_setting(const Group& group, const SweepSetting& setting);
SweepSetting read_setting(const StoredGroup& group);

// What every file of ours says about itself.
struct Identity {
  const char* format;  // "concertina-run"
  std::string parent_sha256;
  const char* shown;  // the group a viewer opens first
};
void write_identity(const Group& root, const Identity& identity);
// Throws Fault when the file is of another kind or a later version.
void check_identity(const StoredGroup& root, const char* format);

}  // namespace concertina::h5
