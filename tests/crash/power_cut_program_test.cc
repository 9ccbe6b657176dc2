// Power cuts under the program itself: `holdfast apply`, `holdfast serve`, and every other command that makes
// something, cut before each of its file operations. What it said is there after the cut, and the same
// command again goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <functional>

#include "tests/crash/crash_check.h"
#include "tests/crash/power_cut.h"
#include "tests/server/served.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::crash {
namespace {

namespace fs = std::filesystem;

class PowerCutProgram : public ::testing::Test {
 protected:
  [[nodiscard]] std::string ledger() const { return (disk_.root() / "ledger").string(); }

  Outcome run(std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), HOLDFAST_PROGRAM);
    if (std::ranges::find(arguments, "--ledger") == arguments.end()) {
      arguments.insert(arguments.end(), {"--ledger", ledger()});
    }
    return crash::run(with_environment(environment, arguments));
  }

  void expect_done(const std::vector<std::string>& arguments) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 0) << arguments.front() << ": " << outcome.out;
  }

  /// Small segments, since it is copied often.
  void make_small_ledger() {
    expect_done({"init"});
    auto made = open_small(ledger());
    ASSERT_TRUE(made.has_value());
    stock(*made);
  }

  /// Runs it to its end and cuts; then again and again from the beginning, cut before each of its operations.
  /// `check` is told whether the command said that it was done.
  void cut_everywhere(const std::vector<std::string>& arguments,
                      const std::function<void(bool done)>& check) {
    const auto before = directory_.path() / "before";
    fs::remove_all(before);
    fs::copy(disk_.root(), before, fs::copy_options::recursive);
    for (std::uint64_t cut_at = 0, operations = 0; cut_at <= operations; ++cut_at) {
      for (const auto survival : {Survival::nothing, Survival::drawn}) {
        SCOPED_TRACE(::testing::Message()
                     << arguments.front() << ", cut before operation " << cut_at << " of " << operations);
        fs::remove_all(disk_.root());
        fs::copy(before, disk_.root(), fs::copy_options::recursive);
        const auto outcome = run(arguments, disk_.begin({.cut_at = cut_at}));
        ASSERT_EQ(outcome.code, cut_at == 0 ? 0 : 128 + SIGKILL) << outcome.out;
        if (cut_at == 0) operations = disk_.operations();
        disk_.cut(prng_, survival);
        check(cut_at == 0);
        if (HasFailure()) return;
      }
      EXPECT_GT(operations, 5U) << "the layer sees it";
    }
  }

  testing::TemporaryDirectory directory_;
  PowerCutDisk disk_{directory_.path()};
  sim::Prng prng_{20'261'127};
};

TEST_F(PowerCutProgram, InitCanBeAskedAgain) {
  cut_everywhere({"init"}, [&](bool done) {
    if (done) expect_done({"verify"});
    expect_done({"init"});
    expect_done({"verify"});
  });
}

TEST_F(PowerCutProgram, ABackupIsWholeOrIsNoLedger) {
  make_small_ledger();
  const auto head_of = [](const Outcome& verified) {
    return verified.out.substr(0, verified.out.find("\"frames\""));
  };
  const auto head = head_of(run({"verify", "--json"}));
  const auto copy = (disk_.root() / "copy").string();
  for (const auto* command : {"backup", "restore"}) {
    const bool is_backup = std::string_view(command) == "backup";
    const std::vector<std::string> arguments =
        is_backup ? std::vector<std::string>{"backup", copy}
                  : std::vector<std::string>{"restore", ledger(), "--ledger", copy};
    cut_everywhere(arguments, [&](bool done) {
      const auto there = run({"verify", "--json", "--ledger", copy});
      if (done) {
        EXPECT_EQ(there.code, 0) << there.out;
      } else {
        EXPECT_TRUE(there.code == 0 || there.code == 4) << there.out;
      }
      if (there.code == 0) {
        EXPECT_EQ(head_of(there), head) << "not a part of it";
      } else {
        EXPECT_NE(there.out.find("not_a_ledger"), std::string::npos) << there.out;
      }
      EXPECT_EQ(head_of(run({"verify", "--json"})), head) << "what it was made of is as it was";
      // In its place, or in another.
      if (there.code != 0 && run(arguments).code != 0) {
        fs::remove_all(copy);
        expect_done(arguments);
      }
      EXPECT_EQ(head_of(run({"verify", "--json", "--ledger", copy})), head);
    });
    fs::remove_all(copy);
  }
}

TEST_F(PowerCutProgram, AKeyOfTheServerThatWasShownIsThere) {
  make_small_ledger();
  expect_done({"keys", "create", "first", "--role", "read"});
  cut_everywhere({"keys", "create", "second", "--role", "operate"}, [&](bool done) {
    const auto keys = run({"keys", "list"});
    EXPECT_EQ(keys.code, 0) << keys.out;
    EXPECT_NE(keys.out.find("first"), std::string::npos) << keys.out;
    const bool is_there = keys.out.find("second") != std::string::npos;
    if (done) {
      EXPECT_TRUE(is_there);
    }
    if (!is_there) expect_done({"keys", "create", "second", "--role", "operate"});
  });
  cut_everywhere({"keys", "revoke", "first"}, [&](bool done) {
    const auto keys = run({"keys", "list", "--json"});
    EXPECT_EQ(keys.code, 0) << keys.out;
    if (done) {
      EXPECT_EQ(keys.out.substr(0, keys.out.find('\n')).find("\"revoked_at\":null"), std::string::npos)
          << keys.out;
    }
  });
}

std::string holds(int n) {
  std::string lines;
  for (int i = 0; i < n; ++i) {
    lines += fmt::format(R"({{"op":"deposit","key":"d{}","account":"user:0","amount":1000}})", i) + "\n";
  }
  return lines;
}

TEST_F(PowerCutProgram, ApplyGoesOnWithTheSameInput) {
  constexpr int kCommands = 2'000;
  make_ledger(ledger());
  const auto input = holds(kCommands);
  std::size_t acknowledged = 0;
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(::testing::Message() << "round " << round);
    Mishaps mishaps{.cut_at = 1 + prng_.below(round < 4 ? 20 : 60), .short_write_every = 3};
    std::size_t answers = 0;
    {
      Process process(
          with_environment(disk_.begin(mishaps), {HOLDFAST_PROGRAM, "--ledger", ledger(), "apply", "-"}),
          input);
      while (const auto line = process.read_line()) {
        ASSERT_TRUE(line->starts_with(R"({"ok":true)")) << *line;
        if (answers < acknowledged) {
          ASSERT_NE(line->find(R"("replayed":true)"), std::string::npos) << "acknowledged before: " << *line;
        }
        ++answers;
      }
      const int code = process.wait();
      EXPECT_TRUE(code == 128 + SIGKILL || (code == 0 && answers == kCommands)) << code;
    }
    disk_.cut(prng_);
    acknowledged = std::max(acknowledged, answers);
    expect_done({"audit"});
    if (HasFailure()) return;
  }
  auto opened = open(ledger());
  ASSERT_TRUE(opened.has_value());
  const auto there = opened->account("user:0")->available.minor();
  EXPECT_GE(there, static_cast<std::int64_t>(acknowledged) * 1'000);
  EXPECT_LE(there, kCommands * 1'000);
}

TEST(PowerCutServer, WhatClientsWereToldIsThere) {
  testing::TemporaryDirectory directory;
  PowerCutDisk disk(directory.path());
  sim::Prng prng(20'261'128);
  served::Served served((disk.root() / "ledger").string());
  served::Load load(served, 8, "cut");
  for (std::size_t round = 1; round <= 5; ++round) {
    load.wait_for(100 * round);
    EXPECT_EQ(served.end(SIGKILL), 128 + SIGKILL);
    if (round > 1) {  // the first one ran without the layer
      EXPECT_GT(disk.operations(), 0U);
      disk.cut(prng);
    }
    served.start({}, disk.begin({.short_write_every = 3}));
    if (HasFailure()) break;
    load.move_to(served.port());
  }
  load.wait_for(600);
  load.stop();
  const auto acknowledged = load.acknowledged();
  served::expect_held(served, acknowledged.size());
  served::expect_all_there(served, acknowledged);
  EXPECT_EQ(served.end(SIGKILL), 128 + SIGKILL);
  disk.cut(prng, Survival::nothing);
  served.start();
  served::expect_all_there(served, acknowledged);
  served::expect_held(served, acknowledged.size());
  EXPECT_EQ(served.end(SIGTERM), 0);
  served::expect_sound(served);
}

}  // namespace
}  // namespace holdfast::crash
