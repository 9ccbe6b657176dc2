// Power cuts: the real programs over a disk that forgets what was not synced, killed before any of their file
// operations, those of recovery included.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <iostream>

#include "holdfast/maintenance.h"
#include "sim/planted.h"
#include "tests/crash/crash_check.h"
#include "tests/crash/power_cut.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::crash {
namespace {

/// Rounds of four writers on one disk, each with one cut or more, and the check after it.
class Rounds {
 public:
  Rounds(std::uint64_t seed, std::string program, std::string bug = {})
      : prng_(seed), program_(std::move(program)), bug_(std::move(bug)) {}

  void round() {
    if (number_ % kRoundsOfALedger == 0) new_ledger();
    auto acknowledged = write_until_killed(draw_mishaps(200));
    // And again, most often while it recovers: after a cut, or after a kill with what was not synced still in
    // the system's memory, where the next one must not rely on it.
    for (; prng_.one_in(3); ++restarts_) {
      if (prng_.one_in(2)) cut();
      const auto again = write_until_killed(draw_mishaps(60));
      for (std::size_t i = 0; i < again.size(); ++i) acknowledged[i] = std::max(acknowledged[i], again[i]);
    }
    cut();
    check(acknowledged);
    ++number_;
  }

  [[nodiscard]] const Losses& losses() const { return disk_.losses(); }
  [[nodiscard]] std::uint64_t short_writes() const { return short_writes_; }
  [[nodiscard]] std::uint64_t failed_syncs() const { return failed_syncs_; }
  [[nodiscard]] std::uint64_t restarts() const { return restarts_; }

 private:
  static constexpr int kRoundsOfALedger = 5;

  void new_ledger() {
    std::filesystem::remove_all(disk_.root());
    std::filesystem::create_directory(disk_.root());
    make_ledger(path());
    sums_ = {};
  }

  Mishaps draw_mishaps(std::uint64_t operations) {
    Mishaps mishaps;
    mishaps.cut_at = 1 + prng_.below(operations);
    if (prng_.one_in(4)) mishaps.cut_after_names = 1 + prng_.below(3);
    if (prng_.one_in(2)) mishaps.short_write_every = 2 + prng_.below(4);
    if (prng_.one_in(4)) mishaps.failed_sync = 1 + prng_.below(operations / 4);
    return mishaps;
  }

  Counts write_until_killed(const Mishaps& mishaps) {
    std::vector<std::string> command{program_, path(), std::to_string(number_), std::to_string(kSegmentBytes),
                                     std::to_string(kSnapshotEveryBytes)};
    if (!bug_.empty()) command.push_back(bug_);
    Process process(with_environment(is_clean_ ? disk_.begin(mishaps) : disk_.go_on(mishaps), command));
    is_clean_ = false;
    Acknowledged acknowledged;
    while (const auto line = process.read_line()) acknowledged.take(*line);
    const int code = process.wait();
    if (code == 1 && mishaps.failed_sync != 0) {
      ++failed_syncs_;
    } else {
      EXPECT_EQ(code, 128 + SIGKILL) << "the writers ended by themselves";
    }
    return acknowledged.counts();
  }

  void cut() {
    short_writes_ += disk_.short_writes();
    disk_.cut(prng_);
    is_clean_ = true;
  }

  void check(const Counts& acknowledged) {
    auto ledger = open_small(path());
    ASSERT_TRUE(ledger.has_value());
    for (std::size_t writer = 0; writer < sums_.size(); ++writer) {
      sums_.at(writer).add(acknowledged.at(writer) + 1);
    }
    ask_again(*ledger, number_, acknowledged);
    expect_sums(*ledger, sums_);
    expect_lawful(*ledger);
    const auto verified = verify(path(), {});
    ASSERT_TRUE(verified.has_value()) << verified.error().message;
    EXPECT_EQ(verified->seq, ledger->status()->seq);
  }

  [[nodiscard]] std::string path() const { return (disk_.root() / "ledger").string(); }

  sim::Prng prng_;
  std::string program_;
  std::string bug_;
  testing::TemporaryDirectory directory_;
  PowerCutDisk disk_{directory_.path()};
  bool is_clean_ = true;  // all that is there is durable
  std::array<Sums, kWriters> sums_{};
  int number_ = 0;
  std::uint64_t short_writes_ = 0;
  std::uint64_t failed_syncs_ = 0;
  std::uint64_t restarts_ = 0;
};

void expect_losses(const Rounds& rounds) {
  const auto& losses = rounds.losses();
  EXPECT_GT(losses.pages_kept, 0U);
  EXPECT_GT(losses.pages_dropped, 0U);
  EXPECT_GT(losses.sectors_torn, 0U);
  EXPECT_GT(losses.sizes_undone, 0U);
  EXPECT_GT(losses.names_kept, 0U);
  EXPECT_GT(losses.creates_undone + losses.renames_undone + losses.removes_undone, 0U);
  EXPECT_GT(rounds.short_writes(), 0U);
  EXPECT_GT(rounds.failed_syncs(), 0U);
  EXPECT_GT(rounds.restarts(), 0U);
  fmt::print(
      "pages kept {} dropped {}, sectors torn {}, sizes undone {}, names kept {}, undone: created {} renamed "
      "{} "
      "removed {}; short writes {}, failed syncs {}, restarts {}\n",
      losses.pages_kept, losses.pages_dropped, losses.sectors_torn, losses.sizes_undone, losses.names_kept,
      losses.creates_undone, losses.renames_undone, losses.removes_undone, rounds.short_writes(),
      rounds.failed_syncs(), rounds.restarts());
}

void four_writers(std::uint64_t seed, int count) {
  Rounds rounds(seed, CRASH_WORKER);
  for (int i = 0; i < count; ++i) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ", round " << i);
    rounds.round();
    if (::testing::Test::HasFailure()) return;
  }
  expect_losses(rounds);
}

TEST(PowerCut, FourWritersLoseNothingThatWasAcknowledged) {
  four_writers(20'261'125, 40);
}

TEST(LongPowerCut, FourWritersLoseNothingThatWasAcknowledged) {
  four_writers(20'261'129, 600);
}

/// A bug of base/planted_bugs.h, and the rounds within which it must be caught.
struct Caught {
  const char* bug;
  int rounds;
};

class PowerCutWithABug : public ::testing::TestWithParam<Caught> {};

TEST_P(PowerCutWithABug, IsCaught) {
  Rounds rounds(20'261'126, CRASH_WORKER_PLANTED, GetParam().bug);
  ::testing::TestPartResultArray failures;
  int needed = 0;
  {
    const ::testing::ScopedFakeTestPartResultReporter collect(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &failures);
    while (failures.size() == 0 && needed < GetParam().rounds) {
      rounds.round();
      ++needed;
    }
  }
  ASSERT_GT(failures.size(), 0) << "the same check, " << needed << " rounds, and nothing was found";
  std::cout << GetParam().bug << ": round " << needed << ": " << failures.GetTestPartResult(0).message()
            << "\n";
}

INSTANTIATE_TEST_SUITE_P(PlantedBugs, PowerCutWithABug,
                         ::testing::Values(Caught{"answer-before-sync", 5}, Caught{"ignore-short-write", 30},
                                           Caught{"retry-sync", 100}, Caught{"forget-directory-sync", 30}),
                         [](const auto& each) {
                           std::string name = each.param.bug;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace holdfast::crash
