// Opening what is not there, not a ledger, not ours or not whole: each has its code and a message that says
// what to do, and changes nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "service/testing/shop.h"
#include "tests/support/directory_digest.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class OpenTest : public ::testing::Test {
 protected:
  OpenTest() : path(directory.path() / "ledger") {}
  /// A ledger of several segments, closed in good order.
  void make() {
    auto options = small_options();
    options.log.segment_bytes = 32 << 10;
    auto ledger = open_ledger(path, options);
    stock(ledger);
    for (int round = 0; round < 8; ++round) {
      std::vector<Command> commands;
      for (int i = 0; i < 100; ++i)
        commands.push_back(deposit(fmt::format("a-key-of-some-length:{}:{}", round, i), "alice", 1));
      run(ledger, atomic(std::move(commands)));
    }
  }
  /// For writing, for making and for reading: the same code, the message's parts, and nothing changed.
  void expect_refused(ErrorCode code, const std::vector<std::string>& parts) {
    const auto before = digest_of(directory.path());
    for (const bool create : {false, true}) {
      for (const bool read_only : {false, true}) {
        if (create && read_only) continue;
        const auto error = must_fail(Ledger::open(path.string(), {.create = create, .read_only = read_only}));
        EXPECT_EQ(to_string(error.code), to_string(code)) << error.message;
        for (const auto& part : parts) {
          EXPECT_NE(error.message.find(part), std::string::npos)
              << "create " << create << ", read-only " << read_only << ": " << error.message;
        }
        EXPECT_EQ(error.message.find('\n'), std::string::npos);
        EXPECT_EQ(digest_of(directory.path()), before) << error.message;
      }
    }
  }

  TemporaryDirectory directory;
  fs::path path;
};

TEST_F(OpenTest, NoDirectory) {
  for (const bool read_only : {false, true}) {
    const auto error = must_fail(Ledger::open(path.string(), {.read_only = read_only}));
    EXPECT_EQ(error.code, ErrorCode::not_a_ledger);
    EXPECT_NE(error.message.find(path.string() + " init"), std::string::npos) << error.message;
    EXPECT_FALSE(fs::exists(path));
  }
}

TEST_F(OpenTest, AnEmptyDirectoryIsNoLedgerUnlessOneIsToBeMade) {
  fs::create_directory(path);
  for (const bool read_only : {false, true}) {
    const auto error = must_fail(Ledger::open(path.string(), {.read_only = read_only}));
    EXPECT_EQ(error.code, ErrorCode::not_a_ledger);
    EXPECT_NE(error.message.find("has no file \"ledger\""), std::string::npos) << error.message;
    EXPECT_TRUE(fs::is_empty(path));
  }
  EXPECT_TRUE(Ledger::open(path.string(), {.create = true}));
  EXPECT_TRUE(Ledger::open(path.string(), {.create = true})) << "what is there is opened";
}

// Making a ledger in it left a LOCK behind.
TEST_F(OpenTest, AForeignDirectoryIsLeftAlone) {
  fs::create_directory(path);
  put_bytes(path / "thesis.txt", "chapter 1");
  expect_refused(ErrorCode::not_a_ledger, {path.string()});
  EXPECT_FALSE(fs::exists(path / "LOCK"));
}

// It was said to be a failure of the storage.
TEST_F(OpenTest, AFileInPlaceOfADirectory) {
  put_bytes(path, "a file");
  expect_refused(ErrorCode::not_a_ledger, {path.string(), "not a directory"});
}

TEST_F(OpenTest, AUrlOfAnotherStore) {
  const auto error = must_fail(Ledger::open("postgresql://user:secret@127.0.0.1:1/db"));
  EXPECT_EQ(error.code, ErrorCode::storage_failed);
  EXPECT_EQ(error.message.find("secret"), std::string::npos) << error.message;
  EXPECT_EQ(must_fail(Ledger::open("")).code, ErrorCode::not_a_ledger);
}

TEST_F(OpenTest, ANewerFormat) {
  make();
  auto bytes = bytes_of(path / "ledger");
  bytes[16] = 2;
  put_bytes(path / "ledger", bytes);
  expect_refused(ErrorCode::newer_format, {path.string(), "format 2", "newer holdfast"});
}

TEST_F(OpenTest, ATruncatedIdentity) {
  make();
  const auto bytes = bytes_of(path / "ledger");
  for (const std::size_t size : {std::size_t{20}, std::size_t{40}, bytes.size() - 1}) {
    put_bytes(path / "ledger", bytes.substr(0, size));
    expect_refused(ErrorCode::corrupt, {"ledger at byte 0", "from a backup"});
  }
}

// It was said to be somebody else's file, or with `create` a ledger already.
TEST_F(OpenTest, AnEmptyIdentityIsATruncatedOne) {
  make();
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}}) {
    put_bytes(path / "ledger", bytes_of(path / "ledger").substr(0, size));
    expect_refused(ErrorCode::corrupt, {"ledger at byte 0", "from a backup"});
  }
}

TEST_F(OpenTest, AnIdentityOfSomebodyElse) {
  make();
  put_bytes(path / "ledger", "my ledger of expenses, in words");
  expect_refused(ErrorCode::not_a_ledger, {path.string(), "begins with other bytes"});
}

TEST_F(OpenTest, AMissingJournalDirectory) {
  make();
  for (const auto* name : {"journal", "snapshot", "index"}) {
    fs::rename(path / name, directory.path() / "aside");
    expect_refused(ErrorCode::corrupt, {path.string(), name, "missing", "from a backup"});
    fs::rename(directory.path() / "aside", path / name);
  }
  EXPECT_TRUE(Ledger::open(path.string()));
}

TEST_F(OpenTest, AMissingSegmentInTheMiddle) {
  make();
  ASSERT_TRUE(fs::exists(path / "journal" / "000003")) << "this test needs several segments";
  fs::remove(path / "journal" / "000002");
  expect_refused(ErrorCode::corrupt, {"000002", "missing"});
}

TEST_F(OpenTest, AFlippedByteIsNamedByFileAndOffset) {
  make();
  auto bytes = bytes_of(path / "journal" / "000002");
  bytes[4096 + 300] ^= 1;
  put_bytes(path / "journal" / "000002", bytes);
  expect_refused(ErrorCode::corrupt, {"000002", "4096"});
}

TEST_F(OpenTest, ASecondWriterIsToldWhoHoldsTheLock) {
  const auto ledger = open_ledger(path);
  for (const bool create : {false, true}) {
    const auto error = must_fail(Ledger::open(path.string(), {.create = create}));
    EXPECT_EQ(error.code, ErrorCode::busy);
    EXPECT_NE(error.message.find(fmt::format("process {} since ", ::getpid())), std::string::npos)
        << error.message;
    EXPECT_NE(error.message.find("Read-only"), std::string::npos) << error.message;
  }
}

/// What a user without the right to write can do. Root has every right, so it becomes somebody else
/// meanwhile.
class OtherUser {
 public:
  explicit OtherUser(const fs::path& root) : root_(root) {
    for (const auto& entry : fs::recursive_directory_iterator(root_))
      allow(entry.path(), entry.is_directory());
    allow(root_, true);
    if (::geteuid() == 0) changed_ = ::seteuid(65'534) == 0;
  }
  ~OtherUser() {
    if (changed_) changed_ = ::seteuid(0) != 0;
    fs::permissions(root_, fs::perms::owner_all, fs::perm_options::add);
    for (const auto& entry : fs::recursive_directory_iterator(root_))
      fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add);
  }
  OtherUser(const OtherUser&) = delete;
  OtherUser& operator=(const OtherUser&) = delete;

 private:
  static void allow(const fs::path& path, bool directory) {
    using enum fs::perms;
    const auto read = owner_read | group_read | others_read;
    fs::permissions(path, directory ? read | owner_exec | group_exec | others_exec : read);
  }

  fs::path root_;
  bool changed_ = false;
};

// With `create` it was said to be busy.
TEST_F(OpenTest, AReadOnlyDirectoryIsReadAndNotWritten) {
  make();
  const auto before = digest_of(path);
  {
    const OtherUser user(directory.path());
    EXPECT_EQ(available(open_reader(path), "alice"), 100'000 + 8 * 100);
    for (const bool create : {false, true}) {
      const auto error = must_fail(Ledger::open(path.string(), {.create = create}));
      EXPECT_EQ(to_string(error.code), "storage_failed");
      EXPECT_NE(error.message.find("Permission denied"), std::string::npos) << error.message;
    }
    const auto error = must_fail(Ledger::open((directory.path() / "new").string(), {.create = true}));
    EXPECT_EQ(to_string(error.code), "storage_failed") << error.message;
  }
  EXPECT_EQ(digest_of(path), before);
}

TEST_F(OpenTest, AnEmptyReadOnlyDirectoryIsNotBusy) {
  fs::create_directory(path);
  const OtherUser user(directory.path());
  const auto error = must_fail(Ledger::open(path.string(), {.create = true}));
  EXPECT_EQ(to_string(error.code), "storage_failed") << error.message;
}

TEST_F(OpenTest, NotesOfWhatWasMendedReachTheCaller) {
  make();
  // A torn write behind the last frame: bytes that no frame is, in a segment that goes on.
  std::vector<std::string> segments;
  for (const auto& entry : fs::directory_iterator(path / "journal")) {
    const auto bytes = bytes_of(entry.path());
    const bool used = bytes.size() > 4096 && bytes.find_first_not_of('\0', 4096) != bytes.npos;
    if (entry.path().filename() != "durable" && used) segments.push_back(entry.path().string());
  }
  std::ranges::sort(segments);
  auto bytes = bytes_of(segments.back());
  auto end = bytes.find_last_not_of('\0');
  end = (end / 4096 + 1) * 4096;
  if (end + 4096 > bytes.size()) bytes.resize(end + 4096);
  bytes.replace(end, 10, "torn bytes");
  put_bytes(segments.back(), bytes);
  std::vector<std::string> notes;
  const auto ledger =
      Ledger::open(path.string(), {.on_note = [&](const std::string& note) { notes.push_back(note); }});
  ASSERT_TRUE(ledger) << why(ledger);
  ASSERT_FALSE(notes.empty());
  EXPECT_NE(notes.front().find("torn"), std::string::npos) << notes.front();
}

}  // namespace
}  // namespace holdfast
