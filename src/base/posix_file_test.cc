// The file seam on the real file system, in a directory of its own.
#include "base/posix_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>

#include "base/bytes.h"

namespace holdfast {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class PosixFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    auto opened = open_posix_directory(root_, false);
    ASSERT_TRUE(opened) << opened.error().what;
    directory_ = std::move(*opened);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<File> open(std::string_view name, OpenMode mode) {
    auto file = directory_->open(name, mode);
    EXPECT_TRUE(file) << file.error().what;
    return file ? std::move(*file) : nullptr;
  }
  static std::string content(const File& file) {
    std::string text(static_cast<std::size_t>(file.size().value()), '?');
    const auto n = read_all(file, 0, std::as_writable_bytes(std::span(text.data(), text.size())));
    EXPECT_EQ(n.value(), text.size());
    return text;
  }
  std::string in_root(std::string_view name) const { return (root_ / name).string(); }

  std::filesystem::path root_;
  std::unique_ptr<Directory> directory_;
};

template <class T>
void expect_error(const IoResult<T>& result, int number, const std::string& what) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_number, number);
  EXPECT_EQ(result.error().what, what);
}

TEST_F(PosixFileTest, WhatWasWrittenIsRead) {
  auto file = open("journal", OpenMode::create);
  EXPECT_EQ(file->size().value(), 0U);
  ASSERT_TRUE(write_all(*file, 0, as_bytes("hello ")));
  ASSERT_TRUE(write_all(*file, 6, as_bytes("world")));
  ASSERT_TRUE(write_all(*file, 0, as_bytes("J")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(directory_->sync());
  EXPECT_EQ(content(*file), "Jello world");
  EXPECT_EQ(content(*open("journal", OpenMode::read)), "Jello world");
  EXPECT_EQ(content(*open("journal", OpenMode::read_write)), "Jello world");
}

TEST_F(PosixFileTest, ReadingPastTheEndGivesFewerBytesOrNone) {
  auto file = open("journal", OpenMode::create);
  ASSERT_TRUE(write_all(*file, 0, as_bytes("abcde")));
  std::byte buffer[16];
  EXPECT_EQ(file->read_at(0, buffer).value(), 5U);
  EXPECT_EQ(file->read_at(3, buffer).value(), 2U);
  EXPECT_EQ(buffer[0], std::byte{'d'});
  EXPECT_EQ(file->read_at(5, buffer).value(), 0U);
  EXPECT_EQ(file->read_at(1'000'000, buffer).value(), 0U);
  EXPECT_EQ(read_all(*file, 4, buffer).value(), 1U);
  EXPECT_EQ(file->read_at(0, {}).value(), 0U);
}

TEST_F(PosixFileTest, AWritePastTheEndLeavesZerosBetween) {
  auto file = open("journal", OpenMode::create);
  ASSERT_TRUE(write_all(*file, 3, as_bytes("x")));
  EXPECT_EQ(content(*file), std::string("\0\0\0x", 4));
}

TEST_F(PosixFileTest, WritingNothingIsDone) {
  auto file = open("journal", OpenMode::create);
  EXPECT_EQ(file->write_at(100, {}).value(), 0U);
  ASSERT_TRUE(write_all(*file, 100, {}));
  EXPECT_EQ(file->size().value(), 0U);
}

TEST_F(PosixFileTest, TruncateCutsAndGrows) {
  auto file = open("journal", OpenMode::create);
  ASSERT_TRUE(write_all(*file, 0, as_bytes("abcdef")));
  ASSERT_TRUE(file->truncate(2));
  EXPECT_EQ(content(*file), "ab");
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(content(*file), std::string("ab\0\0", 4));
}

TEST_F(PosixFileTest, AllocateTakesSpaceAndKeepsWhatIsThere) {
  constexpr std::uint64_t kSize = 1 << 20;
  auto file = open("journal", OpenMode::create);
  ASSERT_TRUE(write_all(*file, 0, as_bytes("abc")));
  ASSERT_TRUE(file->allocate(kSize));
  EXPECT_EQ(file->size().value(), kSize);
  struct stat status{};
  ASSERT_EQ(::stat(in_root("journal").c_str(), &status), 0);
  EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, kSize) << "a hole, not space";
  const auto text = content(*file);
  EXPECT_EQ(text.substr(0, 4), std::string("abc\0", 4));
  EXPECT_EQ(std::ranges::count(text, '\0'), static_cast<std::ptrdiff_t>(kSize - 3));
  ASSERT_TRUE(file->allocate(10)) << "less than there is changes nothing";
  EXPECT_EQ(file->size().value(), kSize);
  ASSERT_TRUE(file->allocate(0));
}

TEST_F(PosixFileTest, ErrorsNameTheCallAndThePath) {
  expect_error(directory_->open("missing", OpenMode::read), ENOENT, "openat " + in_root("missing"));
  expect_error(directory_->open("missing", OpenMode::read_write), ENOENT, "openat " + in_root("missing"));
  (void)open("journal", OpenMode::create);
  expect_error(directory_->open("journal", OpenMode::create), EEXIST, "openat " + in_root("journal"));
  expect_error(directory_->subdirectory("missing", false), ENOENT, "openat " + in_root("missing"));
  expect_error(directory_->subdirectory("journal", true), ENOTDIR, "openat " + in_root("journal"));
  expect_error(directory_->remove("missing"), ENOENT, "unlinkat " + in_root("missing"));
  expect_error(directory_->rename("missing", "other"), ENOENT,
               "renameat " + in_root("missing") + " to other");
  expect_error(open("journal", OpenMode::read)->write_at(0, as_bytes("x")), EBADF,
               "pwrite " + in_root("journal"));
  expect_error(open("journal", OpenMode::read_write)->truncate(UINT64_MAX), EINVAL,
               "ftruncate " + in_root("journal"));
}

TEST_F(PosixFileTest, AFullDiskIsStorageFull) {
  auto device = open_posix_directory("/dev", false);
  ASSERT_TRUE(device);
  auto full = (*device)->open("full", OpenMode::read_write);
  ASSERT_TRUE(full);
  const auto written = write_all(**full, 0, as_bytes("x"));
  ASSERT_FALSE(written);
  const auto error = to_error(written.error());
  EXPECT_EQ(error.code, ErrorCode::storage_full);
  EXPECT_EQ(error.message, "pwrite /dev/full: No space left on device");
}

TEST_F(PosixFileTest, AShortWriteIsGoneOnWithAndItsErrorGiven) {
  auto file = open("journal", OpenMode::create);
  // In a process of its own, which may write no file beyond 10 bytes: the first write takes 10, the next
  // none.
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10, 10};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
    const auto one = file->write_at(0, as_bytes("0123456789abcdef"));
    if (!one || *one != 10) ::_exit(3);
    const auto all = write_all(*file, 0, as_bytes("0123456789abcdef"));
    ::_exit(!all && all.error().error_number == EFBIG ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(content(*file), "0123456789");
}

TEST_F(PosixFileTest, RenameReplacesAndRemoveRemoves) {
  ASSERT_TRUE(write_all(*open("a", OpenMode::create), 0, as_bytes("new")));
  ASSERT_TRUE(write_all(*open("b", OpenMode::create), 0, as_bytes("old")));
  ASSERT_TRUE(directory_->rename("a", "b"));
  EXPECT_EQ(directory_->list().value(), std::vector<std::string>{"b"});
  EXPECT_EQ(content(*open("b", OpenMode::read)), "new");
  ASSERT_TRUE(directory_->remove("b"));
  ASSERT_TRUE(directory_->subdirectory("d", true));
  ASSERT_TRUE(directory_->remove("d"));
  EXPECT_TRUE(directory_->list().value().empty());
}

TEST_F(PosixFileTest, ListIsSortedAndSeesWhatCameLater) {
  for (const auto* const name : {"b", "c", "a10", "a2"}) (void)open(name, OpenMode::create);
  EXPECT_EQ(directory_->list().value(), (std::vector<std::string>{"a10", "a2", "b", "c"}));
  ASSERT_TRUE(directory_->subdirectory("B", true));
  EXPECT_EQ(directory_->list().value(), (std::vector<std::string>{"B", "a10", "a2", "b", "c"}));
}

TEST_F(PosixFileTest, SubdirectoriesAreMadeOnceAndOpenedAgain) {
  auto made = directory_->subdirectory("snapshots", true);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->path(), in_root("snapshots"));
  ASSERT_TRUE((*made)->open("1", OpenMode::create));
  auto again = directory_->subdirectory("snapshots", true);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->list().value(), std::vector<std::string>{"1"});
  expect_error(directory_->remove("snapshots"), ENOTEMPTY, "unlinkat " + in_root("snapshots"));
}

TEST_F(PosixFileTest, OpeningADirectoryMakesItsParentsWhereAsked) {
  expect_error(open_posix_directory(root_ / "x" / "y", false), ENOENT, "open " + in_root("x/y"));
  auto made = open_posix_directory(root_ / "x" / "y" / "z", true);
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_EQ((*made)->path(), in_root("x/y/z"));
  ASSERT_TRUE(open_posix_directory(root_ / "x" / "y" / "z", true)) << "it is there already";
  auto slash = open_posix_directory(root_ / "x" / "v" / "", true);
  ASSERT_TRUE(slash) << slash.error().what;
  EXPECT_EQ((*slash)->path(), in_root("x/v"));
  (void)open("file", OpenMode::create);
  expect_error(open_posix_directory(root_ / "file", true), ENOTDIR, "open " + in_root("file"));
  EXPECT_FALSE(open_posix_directory("", true));
  auto top = open_posix_directory("/", false);
  ASSERT_TRUE(top);
  EXPECT_EQ((*top)->path(), "/");
}

TEST_F(PosixFileTest, ADirectoryThatCannotBeMadeNamesTheCallAndThePath) {
  // Nobody makes directories there, root neither.
  expect_error(open_posix_directory("/proc/holdfast", true), ENOENT, "mkdir /proc/holdfast");
  auto proc = open_posix_directory("/proc", false);
  ASSERT_TRUE(proc);
  expect_error((*proc)->subdirectory("holdfast", true), ENOENT, "mkdirat /proc/holdfast");
}

TEST_F(PosixFileTest, OthersCannotReadALedger) {
  (void)open("journal", OpenMode::create);
  struct stat status{};
  ASSERT_EQ(::stat(in_root("journal").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07, 0U);
}

TEST_F(PosixFileTest, ALockIsHeldAsLongAsItsFile) {
  auto first = directory_->lock("lock", "process 1");
  ASSERT_TRUE(first) << first.error().what;
  expect_error(directory_->lock("lock", "process 2"), EWOULDBLOCK,
               "flock " + in_root("lock") + " (held by process 1)");
  EXPECT_EQ(content(*open("lock", OpenMode::read)), "process 1") << "who was refused leaves no trace";
  first->reset();
  auto second = directory_->lock("lock", "2");
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(content(*open("lock", OpenMode::read)), "2") << "nothing of the longer text is left";
}

TEST_F(PosixFileTest, ALockOfAnotherProcessEndsWithIt) {
  int ready[2], finish[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(finish), 0);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(finish[1]);
    const auto lock = directory_->lock("lock", "holdfast serve, process 4711");
    char byte = lock ? '1' : '0';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(2);
    (void)!::read(finish[0], &byte, 1);  // until the parent closes its end; then it dies with the lock held
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, '1');
  expect_error(directory_->lock("lock", "us"), EWOULDBLOCK,
               "flock " + in_root("lock") + " (held by holdfast serve, process 4711)");
  ::close(finish[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(directory_->lock("lock", "us"));
  for (const int fd : {ready[0], ready[1], finish[0]}) ::close(fd);
}

TEST_F(PosixFileTest, AProgramThatIsStartedInheritsNoFile) {
  auto before = open("journal", OpenMode::create);
  auto lock = directory_->lock("lock", "us");
  ASSERT_TRUE(lock);
  int checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (gone || !target.string().starts_with(root_.string())) continue;
    EXPECT_NE(::fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC, 0) << target;
    ++checked;
  }
  EXPECT_EQ(checked, 3);  // the directory, the journal, the lock
}

using PosixFileDeathTest = PosixFileTest;

TEST_F(PosixFileDeathTest, ANameWithASlashIsABug) {
  EXPECT_DEATH((void)directory_->open("../elsewhere", OpenMode::read), "has no slash");
  EXPECT_DEATH((void)directory_->open("", OpenMode::read), "not empty");
}

}  // namespace
}  // namespace holdfast
