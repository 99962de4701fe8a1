#include "concertina/store/sweep_file.h"

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
  const h5::Handle file = h5::new_image(0);
  const Group root = Group::root(file);
  h5::write_identity(root, {"concertina-sweep", sweep.setting.run_sha256, "sweep"});
  const Group group = root.group("sweep");
  h5::write_setting(group, sweep.setting);
  h5::write_measurements(group, sweep.rows, "sweep");
  return h5::image_bytes(file);
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
    const StoredGroup group = root.group("sweep");
    return {h5::read_setting(group), h5::read_measurements(group)};
  } catch (const h5::Fault& fault) {
    throw DataError(file.string() + ": " + fault.what());
  }
}

}  // namespace concertina
