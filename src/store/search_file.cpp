#include "concertina/store/search_file.h"

#include "concertina/core/error.h"

#include "image_file.h"
#include "object_reader.h"
#include "object_writer.h"
#include "tables.h"

namespace concertina {
namespace {

using h5::Group;
using h5::StoredGroup;

std::string build_search(const SearchRecord& record) {
  const EvaluationSetting& setting = record.setting;
  const h5::Handle file = h5::new_image(0);
  const Group root = Group::root(file);
  h5::write_identity(root, {"concertina-search", setting.run_sha256, "search"});
  const Group group = root.group("search");
  group.set_text("split", setting.split);
  group.set_integer("images", setting.images);
  group.set_unsigned("seed", setting.seed);
  group.set_integer("calibration_images", setting.calibration_images);
  group.set_integer("calibration_batch", setting.calibration_batch);
  group.set_text("device", setting.device);
  group.set_text("engine", setting.engine);
  group.set_text("run_sha256", setting.run_sha256);
  group.set_text("search", record.search);
  h5::write_measurements(group, record.rows, "search");
  return h5::image_bytes(file);
}

SearchRecord read_group(const StoredGroup& group) {
  SearchRecord record;
  record.setting.split = group.text("split");
  record.setting.images = group.integer("images");
  record.setting.seed = group.whole("seed");
  record.setting.calibration_images = group.integer("calibration_images");
  record.setting.calibration_batch = group.integer("calibration_batch");
  record.setting.device = group.text("device");
  record.setting.engine = group.text("engine");
  record.setting.run_sha256 = group.text("run_sha256");
  record.search = group.text("search");
  record.rows = h5::read_measurements(group);
  return record;
}

}  // namespace

void write_search(const std::filesystem::path& file, const SearchRecord& record) {
  const h5::Guard guard;
  try {
    h5::write_sealed(file, build_search(record));
  } catch (const h5::Fault& fault) {
    throw IoError(file.string() + ": cannot be built: " + fault.what());
  }
}

SearchRecord read_search(const std::filesystem::path& file) {
  const std::string bytes = h5::read_sealed(file, "search archive");
  const h5::Guard guard;
  try {
    const h5::Handle image = h5::open_image(bytes);
    const StoredGroup root = StoredGroup::root(image, bytes.size());
    h5::check_identity(root, "concertina-search");
    return read_group(root.group("search"));
  } catch (const h5::Fault& fault) {
    throw DataError(file.string() + ": " + fault.what());
  }
}

}  // namespace concertina
