// The layout of docs/file-format.md, seen by somebody else's reader.
#include <sys/wait.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "concertina/store/run_file.h"
#include "concertina/store/sweep_file.h"

#include "support/temp_folder.h"

#include "store/run_state.h"

namespace concertina {
namespace {

int python(const std::string& arguments) {
  const int status = std::system(("/usr/bin/python3 " + arguments).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string script() { return std::string(CONCERTINA_SOURCE_DIR) + "/tests/store/read_layout.py"; }

TEST(FileLayout, IsReadByH5py) {
  if (python("-c 'import h5py' 2>/dev/null") != 0) {
    GTEST_SKIP() << "/usr/bin/python3 has no h5py here (Debian: python3-h5py)";
  }
  const support::TempFolder folder;
  const RunState state = store_test::random_state(1);
  write_run(folder / "run.h5", state);
  Sweep sweep;
  sweep.setting.run_sha256 = file_sha256(folder / "run.h5");
  Measurement row;
  row.id = "w0.500";
  row.subnet.width = Width::from_thousandths(500);
  row.accuracy = 0.75;
  sweep.rows = {row, row};
  write_sweep(folder / "sweep.h5", sweep);
  EXPECT_EQ(python(script() + " " + folder.string()), 0);
}

}  // namespace
}  // namespace concertina
