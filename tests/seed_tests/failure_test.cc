// The post-mortem's half-done release: escrows marked as released, their accounting never written. Here every
// file operation of a release fails once, with each error, and what remains is looked at in the process that
// saw it, in one that opens the ledger after it, and after a power cut.
//
// Where the failure comes before the frame is whole, nothing of the release remains. Where it comes later
// (the sync itself, or after it) the answer is that nothing is known: then all of it is there or nothing, and
// asking again under its key settles it once.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/seed_tests/machine.h"

namespace holdfast {
namespace {

constexpr int kEscrows = 20;
constexpr std::int64_t kAmount = 1'000;

struct Seen {
  int locked = 0;
  int released = 0;
  std::int64_t payer_held = 0;
  std::int64_t shop = 0;
  std::int64_t commission = 0;
  std::int64_t fees = 0;
  std::uint64_t seq = 0;

  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen look(const journal::State& state) {
  Seen seen;
  for (int i = 0; i < kEscrows; ++i) {
    const auto status = status_of(*state.escrow(*state.find_escrow(fmt::format("campaign:{}", i))));
    seen.locked += status == EscrowStatus::locked;
    seen.released += status == EscrowStatus::released;
  }
  seen.payer_held = state.account(*state.find_account("payer"))->held.minor();
  seen.shop = state.account(*state.find_account("shop"))->available.minor();
  seen.commission = state.account(*state.find_account("platform:commission"))->available.minor();
  seen.fees = state.account(*state.find_account("processor:fees"))->available.minor();
  seen.seq = state.applied().value();
  return seen;
}

const Seen kBefore{.locked = kEscrows, .payer_held = kEscrows * kAmount, .seq = 5};
const Seen kAfter{.released = kEscrows,
                  .shop = kEscrows * 920,
                  .commission = kEscrows * 50,
                  .fees = kEscrows * 30,
                  .seq = 6};

Command release_campaign() {
  Release release;
  release.group = "campaign";
  return {release, keyed("release")};
}

Seen look(Machine& machine) {
  Seen seen;
  EXPECT_TRUE(machine.read([&](const journal::State& state) { seen = look(state); }));
  return seen;
}

/// What failed, and what was found after it.
struct Failed {
  std::string call;
  bool nothing_done = false;
};

/// How the n-th file operation of the release fails.
struct Failing {
  std::uint64_t n = 0;
  int error_number = EIO;
  bool power_cut = false;
  bool tiny_segments = false;  // then space for the release has to be made, before it is decided
};

/// None: the release has fewer operations.
std::optional<Failed> fail_at(const Failing& failing) {
  journal::EngineOptions options;
  if (failing.tiny_segments) options.log.segment_bytes = 16'384;
  Machine machine(options);
  machine.set_up_shop(kEscrows, kAmount);
  machine.disk().fail_after(failing.n, failing.error_number);
  const auto answer = machine.execute(release_campaign());
  machine.disk().fail_after(1'000'000'000, EIO);
  if (answer) return std::nullopt;
  EXPECT_FALSE(is_rejection(answer.error().code)) << answer.error().message;

  Seen here;
  if (machine.read([&](const journal::State& state) { here = look(state); })) {
    EXPECT_EQ(here, kBefore) << "a ledger that still answers has nothing of the release";
  }
  machine.reopen(failing.power_cut);
  const auto found = look(machine);
  EXPECT_TRUE(found == kBefore || found == kAfter)
      << "never a part: " << found.released << " released, seq " << found.seq;
  const auto again = machine.execute(release_campaign());
  EXPECT_TRUE(again.has_value());
  if (again) {
    EXPECT_EQ(again->answer.replayed, found == kAfter);
  }
  EXPECT_EQ(look(machine), kAfter) << "asked again under its key, it is done once";
  return Failed{answer.error().message, found == kBefore};
}

void fail_at_every_step(Failing failing) {
  int nothing_done = 0;
  int all_done = 0;
  for (failing.n = 0;; ++failing.n) {
    SCOPED_TRACE(::testing::Message()
                 << "operation " << failing.n << ", errno " << failing.error_number << ", power cut "
                 << failing.power_cut << ", tiny segments " << failing.tiny_segments);
    const auto failed = fail_at(failing);
    if (!failed) break;
    ++(failed->nothing_done ? nothing_done : all_done);
    // The space and the frame come first: a failure there is known to have left nothing.
    if (failed->call.starts_with("write journal/0") || failed->call.starts_with("open journal/0")) {
      EXPECT_TRUE(failed->nothing_done) << failed->call;
    }
    ASSERT_LT(failing.n, 1'000u);
  }
  EXPECT_GT(nothing_done, failing.tiny_segments ? 4 : 0);
  EXPECT_GT(all_done, 0) << "a failure after the sync leaves it done";
}

TEST(SeedFailure, AtEveryStepOfAReleaseLeavesAllLockedOrAllDone) {
  for (const int error_number : {EIO, ENOSPC}) {
    for (const bool power_cut : {false, true}) {
      for (const bool tiny_segments : {false, true}) {
        fail_at_every_step({0, error_number, power_cut, tiny_segments});
      }
    }
  }
}

TEST(SeedFailure, AfterTheDecisionIsTakenBackWithEverythingOfIt) {
  // The last of many: an atomic release whose last escrow is frozen fails after the others were decided.
  Machine machine;
  machine.set_up_shop(kEscrows, kAmount);
  Freeze freeze;
  freeze.escrow.key = fmt::format("campaign:{}", kEscrows - 1);
  ASSERT_TRUE(machine.execute({freeze, {}}).has_value());
  Release release;
  for (int i = 0; i < kEscrows; ++i) release.escrows.add(fmt::format("campaign:{}", i));
  const auto answer = machine.execute({release, keyed("release")});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::escrow_frozen);
  const auto seen = look(machine);
  EXPECT_EQ(seen.locked, kEscrows - 1);
  EXPECT_EQ(seen.released, 0);
  EXPECT_EQ(seen.payer_held, kEscrows * kAmount);
  EXPECT_EQ(seen.shop + seen.commission + seen.fees, 0);
  EXPECT_EQ(seen.seq, kBefore.seq + 1);
}

}  // namespace
}  // namespace holdfast
