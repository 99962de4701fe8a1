// Every damage ends in a DataError that names the file, before libhdf5 sees a byte; files that are
// whole but wrong are refused for what is wrong with them.
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/store/run_file.h"
#include "concertina/store/sweep_file.h"

#include "support/temp_folder.h"

#include "store/run_state.h"

namespace concertina {
namespace {

using store_test::message_of;
using store_test::random_state;
using store_test::reseal;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Damage : public ::testing::Test {
 protected:
  void SetUp() override {
    write_run(file_, random_state(1));
    whole_ = read_file(file_);
  }

  std::string refusal(const std::string& bytes) {
    folder_.write("run.h5", bytes);
    return message_of<DataError>([this] { read_run(file_); });
  }

  // The file after a change with libhdf5 itself, its block made right again.
  std::string refusal_after(const std::function<void(hid_t)>& change) {
    folder_.write("run.h5", whole_);
    const hid_t file = H5Fopen(file_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    change(file);
    H5Fclose(file);
    return refusal(reseal(read_file(file_)));
  }

  support::TempFolder folder_;
  std::filesystem::path file_ = folder_ / "run.h5";
  std::string whole_;
};

void replace_data(hid_t file, const char* path, const std::vector<hsize_t>& dims) {
  const hid_t old = H5Dopen2(file, path, H5P_DEFAULT);
  const hid_t type = H5Dget_type(old);
  H5Dclose(old);
  H5Ldelete(file, path, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const hid_t data = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t scalar = H5Screate(H5S_SCALAR);
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_strpad(text, H5T_STR_NULLPAD);
  H5Tset_cset(text, H5T_CSET_UTF8);
  const std::int64_t index = 1;
  for (const char* name : {"axes", "unit"}) {
    const hid_t attribute = H5Acreate2(data, name, text, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, text, "x");
    H5Aclose(attribute);
  }
  const hid_t attribute =
      H5Acreate2(data, "index", H5T_STD_I64LE, scalar, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, H5T_STD_I64LE, &index);
  H5Aclose(attribute);
  H5Tclose(text);
  H5Tclose(type);
  H5Sclose(scalar);
  H5Sclose(space);
  H5Dclose(data);
}

TEST_F(Damage, MissingFileIsNoInput) {
  EXPECT_THROW(read_run(folder_ / "none.h5"), NoInputError);
  EXPECT_THROW(read_run_summary(folder_ / "none.h5"), NoInputError);
  EXPECT_THROW(read_sweep(folder_ / "none.h5"), NoInputError);
  EXPECT_THROW(file_sha256(folder_ / "none.h5"), NoInputError);
}

TEST_F(Damage, AFlippedBitAnywhereIsSeen) {
  std::mt19937 engine(1);
  for (std::size_t i = 0; i < 700; ++i) {
    const std::size_t at = i < 100 ? i : engine() % whole_.size();
    std::string bytes = whole_;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (engine() % 8)));
    EXPECT_THAT(refusal(bytes), HasSubstr(file_.string())) << "byte " << at;
  }
}

TEST_F(Damage, ATruncatedOrLongerFileIsSeen) {
  for (std::size_t length = 0; length < whole_.size(); length += length < 600 ? 1 : 1021) {
    EXPECT_THAT(refusal(whole_.substr(0, length)), HasSubstr(file_.string())) << length;
  }
  EXPECT_THAT(refusal(whole_.substr(0, whole_.size() - 1)), HasSubstr("truncated"));
  EXPECT_THAT(refusal(whole_ + "x"), HasSubstr("damaged"));
}

TEST_F(Damage, AnotherKindOfFileIsNamed) {
  EXPECT_THAT(refusal("hello"), HasSubstr("not a Concertina run file"));
  EXPECT_THAT(refusal(whole_.substr(512)), HasSubstr("not a Concertina run file"));
  EXPECT_THAT(message_of<DataError>([this] { read_sweep(folder_.write("s.h5", "hello")); }),
              HasSubstr("not a Concertina sweep file"));
}

TEST_F(Damage, AnotherVersionIsNamed) {
  std::string bytes = whole_;
  bytes.replace(24, 4, "0003");
  EXPECT_THAT(refusal(reseal(bytes)), AllOf(HasSubstr("version 3"), HasSubstr("newer")));
  bytes.replace(24, 4, "0001");
  EXPECT_THAT(refusal(reseal(bytes)), HasSubstr("version 1; this program reads version 2"));
}

TEST_F(Damage, ASweepIsNoRunAndARunNoSweep) {
  write_sweep(folder_ / "sweep.h5", Sweep());
  EXPECT_THAT(message_of<DataError>([this] { read_run(folder_ / "sweep.h5"); }),
              HasSubstr("a concertina-sweep file found, concertina-run expected"));
  EXPECT_THAT(message_of<DataError>([this] { read_sweep(file_); }),
              HasSubstr("a concertina-run file found, concertina-sweep expected"));
}

TEST_F(Damage, GarbageBehindARightBlockIsRefused) {
  EXPECT_THAT(refusal(reseal(whole_.substr(0, 512))), HasSubstr("cannot be opened as HDF5"));
  EXPECT_THAT(refusal(reseal(whole_.substr(0, 512) + std::string(5000, 'x'))),
              HasSubstr("cannot be opened as HDF5"));
}

TEST_F(Damage, AMissingPartIsNamed) {
  for (const char* path : {"/net", "/weights", "/submodels/w0.500-e1/norm", "/history/valid"}) {
    EXPECT_THAT(refusal_after([path](hid_t file) { H5Ldelete(file, path, H5P_DEFAULT); }),
                HasSubstr(std::string(path) + " is missing"));
  }
  EXPECT_THAT(refusal_after([](hid_t file) { H5Adelete(file, "recipe"); }),
              HasSubstr("no attribute \"recipe\""));
}

TEST_F(Damage, AWrongShapeIsNamed) {
  EXPECT_THAT(refusal_after([](hid_t file) {
                replace_data(file, "/weights/exit1.linear/weight", {5, 17});
              }),
              HasSubstr("/weights/exit1.linear/weight: shape [5, 17] found, [5, 16] expected"));
  EXPECT_THAT(refusal_after([](hid_t file) {
                replace_data(file, "/optimizer/momentum/stem.conv/weight", {1U << 20, 1U << 20});
              }),
              HasSubstr("larger than the file"));
  EXPECT_THAT(refusal_after([](hid_t file) {
                replace_data(file, "/optimizer/momentum/stem.conv/weight", {1, 1, 1, 1, 1});
              }),
              HasSubstr("too many dimensions"));
}

TEST_F(Damage, UnequalColumnsAreNamed) {
  EXPECT_THAT(
      refusal_after([](hid_t file) { replace_data(file, "/history/train/loss/w0.500-e1", {4}); }),
      HasSubstr("4 values found, 3 expected as in \"epoch\""));
}

TEST_F(Damage, ATensorTheNetDoesNotHaveIsNamed) {
  EXPECT_THAT(refusal_after([](hid_t file) {
                H5Lmove(file, "/weights/stem.conv", file, "/weights/other", H5P_DEFAULT,
                        H5P_DEFAULT);
              }),
              HasSubstr("/weights/other/weight: the net has no such tensor"));
}

TEST_F(Damage, TwoDatasetsOfOneIndexAreNamed) {
  EXPECT_THAT(refusal_after([](hid_t file) {
                H5Lcreate_hard(file, "/weights/stem.conv/weight", file, "/weights/stem.conv/bias",
                               H5P_DEFAULT, H5P_DEFAULT);
              }),
              HasSubstr("same index"));
}

TEST_F(Damage, LinksOutOfTheirPlaceAreNotFollowed) {
  const auto relink = [](hid_t file, bool outside) {
    H5Ldelete(file, "/net", H5P_DEFAULT);
    if (outside) {
      H5Lcreate_external("/etc/passwd", "/x", file, "/net", H5P_DEFAULT, H5P_DEFAULT);
    } else {
      H5Lcreate_soft("/environment", file, "/net", H5P_DEFAULT, H5P_DEFAULT);
    }
  };
  EXPECT_THAT(refusal_after([&](hid_t file) { relink(file, false); }), HasSubstr("is a link"));
  EXPECT_THAT(refusal_after([&](hid_t file) { relink(file, true); }), HasSubstr("is a link"));
}

TEST_F(Damage, AWidthOutOfRangeIsRefused) {
  EXPECT_THAT(refusal_after([](hid_t file) {
                const hid_t group = H5Gopen2(file, "/submodels", H5P_DEFAULT);
                const hid_t attribute = H5Aopen(group, "widths", H5P_DEFAULT);
                const hid_t type = H5Aget_type(attribute);
                H5Awrite(attribute, type, "0.0 1");  // as long as "0.5 1"
                H5Tclose(type);
                H5Aclose(attribute);
                H5Gclose(group);
              }),
              HasSubstr("width \"0.0\" is not in 0.001 to 1"));
}

}  // namespace
}  // namespace concertina
