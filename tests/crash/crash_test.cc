// Real processes, really killed: four writers, `kill -9` after the n-th acknowledged command, n drawn from a
// seed; and `holdfast apply` at the end of a pipe. After each round the ledger is opened again: nothing
// acknowledged is lost, nothing half there, every law holds, and every command asked again under its key has
// taken effect once.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "sim/prng.h"
#include "tests/crash/crash_check.h"
#include "tests/crash/process.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::crash {
namespace {

TEST(Crash, FourWritersKilledAtFiftyRandomMomentsLoseNothingThatWasAcknowledged) {
  testing::TemporaryDirectory directory;
  const auto path = directory.path().string() + "/ledger";
  make_ledger(path);
  sim::Prng prng(20'261'124);
  std::array<Sums, kWriters> sums{};
  int in_flight_recovered = 0;
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE(::testing::Message() << "round " << round);
    // Now and then before the first answer: while it starts and opens.
    const auto wanted = prng.one_in(8) ? 0 : 1 + prng.below(300);
    Process process({CRASH_WORKER, path, std::to_string(round)});
    const auto acknowledged = run_and_kill(process, wanted);
    auto opened = open(path);
    ASSERT_TRUE(opened.has_value());
    auto& ledger = *opened;
    for (int writer = 0; writer < kWriters; ++writer) {
      const auto done = acknowledged.at(static_cast<std::size_t>(writer));
      sums.at(static_cast<std::size_t>(writer)).add(done + 1);
      const auto events = ledger.execute(command_of(round, writer, done));
      if (events && events->replayed) ++in_flight_recovered;
    }
    ask_again(ledger, round, acknowledged);
    expect_sums(ledger, sums);
    expect_lawful(ledger);
    if (HasFailure()) return;
  }
  EXPECT_GT(in_flight_recovered, 0) << "no kill ever hit between a sync and its answer: try other moments";
}

std::string to_json(int n) {
  const auto key = key_of(0, 0, n);
  switch (n % 4) {
    case 0:
      return fmt::format(R"({{"op":"deposit","key":"{}","account":"user:0","amount":{}}})", key, 2 * kAmount);
    case 1: {
      const auto hold = [&](const std::string& escrow) {
        return fmt::format(R"({{"op":"hold","key":"{}","payer":"user:0","beneficiary":"shop","amount":{},)"
                           R"("fee_plan":"standard","group":"group:0"}})",
                           escrow, kAmount);
      };
      return fmt::format(R"({{"op":"atomic","key":"{}","commands":[{},{}]}})", key, hold(first_escrow(key)),
                         hold(second_escrow(key)));
    }
    case 2:
      return fmt::format(R"({{"op":"release","key":"{}","escrows":["{}"]}})", key,
                         first_escrow(key_of(0, 0, n - 1)));
    default:
      return fmt::format(R"({{"op":"refund","key":"{}","escrows":["{}"]}})", key,
                         second_escrow(key_of(0, 0, n - 2)));
  }
}

TEST(Crash, ApplyKilledWhileItIsFedGoesOnFromWhereItWasWithTheSameInput) {
  constexpr int kCommands = 4'000;
  testing::TemporaryDirectory directory;
  const auto path = directory.path().string() + "/ledger";
  make_ledger(path);
  std::string input;
  for (int n = 0; n < kCommands; ++n) input += to_json(n) + "\n";
  sim::Prng prng(7);
  std::size_t acknowledged = 0;  // of the input, over all rounds
  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE(::testing::Message() << "round " << round);
    Process process({HOLDFAST_PROGRAM, "--ledger", path, "apply", "-"}, input);
    const auto wanted = acknowledged + prng.below(200);
    std::size_t answers = 0;
    const auto take = [&](const std::string& line) {
      ASSERT_TRUE(line.starts_with(R"({"ok":true)")) << line;
      if (answers < acknowledged) {
        EXPECT_NE(line.find(R"("replayed":true)"), std::string::npos) << "acknowledged before: " << line;
      }
      ++answers;
    };
    while (answers < wanted) {
      const auto line = process.read_line();
      ASSERT_TRUE(line.has_value()) << "it ended by itself";
      take(*line);
    }
    process.kill();
    while (const auto line = process.read_line()) take(*line);
    acknowledged = std::max(acknowledged, answers);
    auto ledger = open(path);
    ASSERT_TRUE(ledger.has_value());
    expect_no_half(*ledger, 0, 0, static_cast<int>(acknowledged));
    expect_lawful(*ledger);
    if (HasFailure()) return;
  }
  Process process({HOLDFAST_PROGRAM, "--ledger", path, "apply", "-"}, input);
  for (int n = 0; n < kCommands; ++n) ASSERT_TRUE(process.read_line().has_value());
  EXPECT_FALSE(process.read_line().has_value()) << "one answer a line";
  process.kill();
  auto ledger = open(path);
  ASSERT_TRUE(ledger.has_value());
  std::array<Sums, kWriters> sums{};
  sums[0].add(kCommands);
  expect_sums(*ledger, sums);
  expect_lawful(*ledger);
}

}  // namespace
}  // namespace holdfast::crash
