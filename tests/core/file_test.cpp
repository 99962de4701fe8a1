#include "concertina/core/file.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>

#include "concertina/core/error.h"

#include "support/temp_folder.h"

namespace concertina {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class File : public testing::Test {
 protected:
  support::TempFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

class LockedFolder : public File {};

template <typename Fault>
std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const Fault& fault) {
    return fault.what();
  }
  return "nothing thrown";
}

// The exit status of `work` in another process.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(File, ReadsWhatWasWritten) {
  const std::string bytes("\0a\n\xff", 4);
  const std::string large(300000, 'x');
  replace_file(folder_ / "f", {bytes, "", large});
  EXPECT_EQ(read_file(folder_ / "f"), bytes + large);
  replace_file(folder_ / "f", {});
  EXPECT_EQ(read_file(folder_ / "f"), "");
  EXPECT_FALSE(fs::exists(folder_ / "f.part"));
}

TEST_F(File, IsReplacedOverALeftPartAndInTheCurrentFolder) {
  std::ofstream(folder_ / "f.part") << "half of something much longer";
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  replace_file("f", {"whole"});
  fs::current_path(before);
  EXPECT_EQ(read_file(folder_ / "f"), "whole");
  EXPECT_FALSE(fs::exists(folder_ / "f.part"));
}

TEST_F(File, IsCheckedBeforeItTakesTheName) {
  const fs::path file = folder_ / "a";
  replace_file(file, {"old"});
  const auto refuse = [&](const fs::path& written) {
    EXPECT_EQ(read_file(written), "new");
    EXPECT_EQ(read_file(file), "old");
    throw DataError("no");
  };
  EXPECT_THROW(replace_file(file, {"new"}, refuse), DataError);
  EXPECT_EQ(read_file(file), "old");
  EXPECT_FALSE(fs::exists(folder_ / "a.part"));
  replace_file(file, {"new"}, [](const fs::path&) {});
  EXPECT_EQ(read_file(file), "new");
}

TEST_F(File, ReadingNamesWhatIsNotThere) {
  EXPECT_EQ(message<NoInputError>([&] { read_file(folder_ / "none"); }),
            "no file \"" + (folder_ / "none").string() + "\"");
}

TEST_F(File, ReadingAFolderIsAnIoError) {
  EXPECT_THAT(message<IoError>([&] { read_file(folder_); }), HasSubstr("Is a directory"));
}

TEST_F(File, WritingIntoNoFolderIsAnIoError) {
  const std::string path = (folder_ / "none" / "f").string();
  EXPECT_EQ(message<IoError>([&] { replace_file(path, {"x"}); }),
            "cannot replace \"" + path + "\": open of \"" + path +
                ".part\" failed: No such file or directory; the old file, if any, is unchanged");
}

TEST_F(File, WritingOverAFolderIsAnIoErrorAndLeavesNoPart) {
  fs::create_directories(folder_ / "f" / "inside");
  EXPECT_THAT(message<IoError>([&] { replace_file(folder_ / "f", {"x"}); }),
              HasSubstr("rename of"));
  EXPECT_FALSE(fs::exists(folder_ / "f.part"));
}

TEST_F(File, WritingWithoutPermissionIsAnIoError) {
  replace_file(folder_ / "f", {"old"});
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                               fs::perms::others_exec);
  const int status = in_child([&] {
    // Root may write anywhere, so the child becomes nobody.
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;
    const std::string text = message<IoError>([&] { replace_file(folder_ / "f", {"new"}); });
    return text.find("Permission denied") != std::string::npos ? 0 : 1;
  });
  fs::permissions(folder_, fs::perms::owner_all);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_file(folder_ / "f"), "old");
}

// A file size limit stands for a full disk: write() takes a part, then fails, and errno says why.
TEST_F(File, AWriteThatFailsHalfwayLeavesTheOldFile) {
  replace_file(folder_ / "f", {"old"});
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {100000, 100000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const std::string large(200000, 'x');
    const std::string text = message<IoError>([&] { replace_file(folder_ / "f", {large}); });
    const bool clear = text.find("write of") != std::string::npos &&
                       text.find("File too large") != std::string::npos;
    return clear ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_file(folder_ / "f"), "old");
  EXPECT_FALSE(fs::exists(folder_ / "f.part"));
}

// /dev/full answers every write with ENOSPC; a link puts it where the .part file is opened.
TEST_F(File, AFullDiskIsNamed) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this system";
  replace_file(folder_ / "f", {"old"});
  fs::create_symlink("/dev/full", folder_ / "f.part");
  EXPECT_THAT(message<IoError>([&] { replace_file(folder_ / "f", {"new"}); }),
              HasSubstr("No space left on device"));
  EXPECT_EQ(read_file(folder_ / "f"), "old");
  EXPECT_FALSE(fs::is_symlink(folder_ / "f.part"));
}

TEST_F(File, FoldersAreCreatedWithTheirParents) {
  create_folder(folder_ / "a" / "b");
  create_folder(folder_ / "a" / "b");
  EXPECT_TRUE(fs::is_directory(folder_ / "a" / "b"));
  replace_file(folder_ / "f", {"x"});
  EXPECT_THAT(message<IoError>([&] { create_folder(folder_ / "f" / "b"); }),
              HasSubstr("cannot create folder"));
  EXPECT_THAT(message<IoError>([&] { create_folder(folder_ / "f"); }),
              HasSubstr("cannot create folder"));
}

TEST_F(LockedFolder, ASecondProcessIsRefusedAndToldTheHolder) {
  const FolderLock lock(folder_);
  const std::string holder = "process " + std::to_string(::getpid()) + " on ";
  const int status = in_child([&] {
    const std::string text = message<StoppedError>([&] { const FolderLock second(folder_); });
    const bool named =
        text.find(holder) != std::string::npos && text.find(folder_.string()) != std::string::npos;
    return named ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(LockedFolder, IsFreeAgainAfterItsEnd) {
  { const FolderLock first(folder_); }
  EXPECT_NO_THROW(FolderLock second(folder_));
}

TEST_F(LockedFolder, IsDroppedWhenTheHolderIsKilled) {
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder_);
    std::ofstream(folder_ / "held") << "yes";
    ::pause();
    ::_exit(0);
  }
  while (!fs::exists(folder_ / "held")) ::usleep(1000);
  EXPECT_THAT(message<StoppedError>([&] { const FolderLock lock(folder_); }),
              HasSubstr("process " + std::to_string(child) + " on "));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_NO_THROW(FolderLock second(folder_));
}

TEST_F(LockedFolder, NamesAFolderThatIsNotThereOrCannotBeLocked) {
  EXPECT_THAT(message<NoInputError>([&] { const FolderLock lock(folder_ / "none"); }),
              HasSubstr("no folder"));
  fs::create_directory(folder_ / ".lock");
  EXPECT_THAT(message<IoError>([&] { const FolderLock lock(folder_); }),
              HasSubstr("cannot lock folder"));
}

}  // namespace
}  // namespace concertina
