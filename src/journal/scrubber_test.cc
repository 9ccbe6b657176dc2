// Rot in bytes written long ago is found by reading them, while the ledger goes on.
#include "journal/scrubber.h"

#include <fmt/format.h>

#include <fstream>

#include "journal/testing/engine_rig.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::journal {
namespace {

using namespace journal::testing;
using holdfast::testing::TemporaryDirectory;

class Scrub : public ::testing::Test {
 protected:
  Scrub() : engine(directory.path()) {
    engine.stock();
    for (int i = 0; i < 50; ++i) (void)engine.run(deposit(fmt::format("d:{}", i), "alice", 1));
  }
  /// Turns one bit of what was written, synced and read long ago.
  void rot(const std::filesystem::path& name, std::streamoff offset) const {
    std::fstream file(directory.path() / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const auto byte = static_cast<char>(file.get() ^ 4);
    file.seekp(offset);
    file.put(byte);
    ASSERT_TRUE(file.flush());
  }
  [[nodiscard]] ScrubStatus after_a_pass() {
    const Scrubber scrubber(*engine, {std::chrono::milliseconds(0), std::chrono::milliseconds(0)});
    while (scrubber.status().passes == 0) std::this_thread::yield();
    return scrubber.status();
  }

  TemporaryDirectory directory;
  EngineRig engine;
};

TEST_F(Scrub, FindsNothingInAGoodJournal) {
  EXPECT_EQ(after_a_pass().failure, "");
}

TEST_F(Scrub, NamesFileAndOffsetOfRotAndTheLedgerGoesOn) {
  rot("journal/000001", 4096 + 100);
  const auto failure = after_a_pass().failure;
  EXPECT_NE(failure.find("000001 at byte 4096"), failure.npos) << failure;
  const auto balance = engine.available();
  (void)engine.run(deposit("after", "alice", 1));
  EXPECT_EQ(engine.available(), balance + 1);
}

// An opening reads these, a scan of the events does not: rot in them would be found only by the next start.
TEST_F(Scrub, NamesRotInASegmentsHeaderAndInTheFileThatNamesTheLedger) {
  for (const std::streamoff offset : {3, 40, 600}) {
    rot("journal/000001", offset);
    const auto failure = after_a_pass().failure;
    EXPECT_NE(failure.find("000001 at byte 0"), failure.npos) << failure;
    rot("journal/000001", offset);
    EXPECT_EQ(after_a_pass().failure, "");
  }
  rot("ledger", 30);
  EXPECT_NE(after_a_pass().failure.find("ledger at byte 0"), std::string::npos);
}

TEST_F(Scrub, EndsEarlyWhenAsked) {
  const Scrubber resting(*engine, {std::chrono::hours(24), std::chrono::hours(24)});
  EXPECT_EQ(resting.status().passes, 0U);  // and the test ends at once
}

}  // namespace
}  // namespace holdfast::journal
