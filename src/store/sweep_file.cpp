#include "concertina/store/sweep_file.h"

#include <limits>

#include "concertina/core/error.h"

#include "image_file.h"
#include "object_reader.h"
#include "object_writer.h"
#include "tables.h"

namespace concertina {
namespace {

using h5::Group;
using h5::StoredGroup;

std::string build_sweep(const Sweep& sweep) {
  const SweepSetting& setting = sweep.setting;
  const h5::Handle file = h5::new_image(0);
  const Group root = Group::root(file);
  h5::write_identity(root, {"concertina-sweep", setting.run_sha256, "sweep"});
  const Group group = root.group("sweep");
  group.set_text("split", setting.split);
  group.set_integer("images", setting.images);
  group.set_integer("batch", setting.batch);
  group.set_integer("threads", setting.threads);
  group.set_integer("repetitions", setting.repetitions);
  group.set_integer("warm_up", setting.warm_up);
  group.set_text("device", setting.device);
  group.set_text("processor", setting.processor);
  group.set_text("run_sha256", setting.run_sha256);
  h5::write_measurements(group, sweep.rows);
  return h5::image_bytes(file);
}

int small(const StoredGroup& group, const char* name) {
  const std::int64_t value = group.integer(name);
  if (value < 0 || value > std::numeric_limits<int>::max()) {
    group.refuse(std::string(name) + " is " + std::to_string(value));
  }
  return static_cast<int>(value);
}

Sweep read_group(const StoredGroup& group) {
  Sweep sweep;
  sweep.setting.split = group.text("split");
  sweep.setting.images = group.integer("images");
  sweep.setting.batch = small(group, "batch");
  sweep.setting.threads = small(group, "threads");
  sweep.setting.repetitions = small(group, "repetitions");
  sweep.setting.warm_up = small(group, "warm_up");
  sweep.setting.device = group.text("device");
  sweep.setting.processor = group.text("processor");
  sweep.setting.run_sha256 = group.text("run_sha256");
  sweep.rows = h5::read_measurements(group);
  return sweep;
}

}  // namespace

void write_sweep(const std::filesystem::path& file, const Sweep& sweep) {
  const h5::Guard guard;
  try {
    h5::write_sealed(file, build_sweep(sweep));
  } catch (const h5::Fault& fault) {
    throw IoError(file.string() + ": cannot be built: " + fault.what());
  }
}

Sweep read_sweep(const std::filesystem::path& file) {
  const std::string bytes = h5::read_sealed(file, "sweep");
  const h5::Guard guard;
  try {
    const h5::Handle image = h5::open_image(bytes);
    const StoredGroup root = StoredGroup::root(image, bytes.size());
    h5::check_identity(root, "concertina-sweep");
    return read_group(root.group("sweep"));
  } catch (const h5::Fault& fault) {
    throw DataError(file.string() + ": " + fault.what());
  }
}

}  // namespace concertina
