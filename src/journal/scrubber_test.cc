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
  /// One bit of the first frame, which was written, synced and read long ago.
  void rot() const {
    std::fstream file(directory.path() / "journal" / "000001",
                      std::ios::in | std::ios::out | std::ios::binary);
    constexpr std::streamoff kInFirstFrame = 4096 + 100;
    file.seekg(kInFirstFrame);
    const auto byte = static_cast<char>(file.get() ^ 4);
    file.seekp(kInFirstFrame);
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
  rot();
  const auto failure = after_a_pass().failure;
  EXPECT_NE(failure.find("000001 at byte 4096"), failure.npos) << failure;
  const auto balance = engine.available();
  (void)engine.run(deposit("after", "alice", 1));
  EXPECT_EQ(engine.available(), balance + 1);
}

TEST_F(Scrub, EndsEarlyWhenAsked) {
  const Scrubber resting(*engine, {std::chrono::hours(24), std::chrono::hours(24)});
  EXPECT_EQ(resting.status().passes, 0U);  // and the test ends at once
}

}  // namespace
}  // namespace holdfast::journal
