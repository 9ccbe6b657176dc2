// A disk that is full, read-only, or not ours, under the program: what cannot be written is refused with its
// error and exit code, questions are answered, nothing acknowledged is lost, and once the disk is well again
// it goes on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/crash/crash_check.h"
#include "tests/crash/power_cut.h"
#include "tests/support/small_disk.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::crash {
namespace {

using testing::SmallDisk;

constexpr int kStorage = 4;  // exit code

Outcome holdfast(const std::string& ledger, std::vector<std::string> arguments,
                 const std::string& input = {}) {
  arguments.insert(arguments.begin(), HOLDFAST_PROGRAM);
  if (!ledger.empty()) arguments.insert(arguments.end(), {"--ledger", ledger});
  return run(arguments, input);
}

void expect_done(const std::string& ledger, const std::vector<std::string>& arguments) {
  const auto outcome = holdfast(ledger, arguments);
  EXPECT_EQ(outcome.code, 0) << arguments.front() << ": " << outcome.out;
}

void expect_storage(const Outcome& outcome, std::string_view says) {
  EXPECT_EQ(outcome.code, kStorage) << outcome.out;
  EXPECT_NE(outcome.out.find(says), std::string::npos) << outcome.out;
}

constexpr std::string_view kFull = "No space left on device";
constexpr std::string_view kReadOnly = "Read-only file system";

/// Of a ledger on the small disk.
std::string new_place() {
  std::filesystem::create_directory("/mnt/shop");
  return "/mnt/shop/ledger";
}

/// A command of nearly a megabyte, in one line: 1,000 deposits of a cent.
std::string long_line(int n) {
  std::string line = fmt::format(R"({{"op":"atomic","key":"a{}","commands":[)", n);
  for (int i = 0; i < 1'000; ++i) {
    line +=
        fmt::format(R"({}{{"op":"deposit","key":"a{}:{}","account":"user:0","amount":1,"reference":"{}"}})",
                    i == 0 ? "" : ",", n, i, std::string(250, 'r'));
  }
  return line + "]}\n";
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(FullDisk, RefusesCommandsOfApplyLosesNothingAndGoesOnOnceThereIsRoom) {
  constexpr int kLines = 300;
  const SmallDisk disk(160);
  const auto ledger = new_place();
  make_ledger(ledger);
  expect_done(ledger, {"deposit", "user:1", "1.00", "--key", "first"});
  SmallDisk::fill();
  std::string input;
  for (int i = 0; i < kLines; ++i) input += long_line(i);
  const auto outcome = holdfast(ledger, {"apply", "-"}, input);
  const auto accepted = count(outcome.out, R"({"ok":true)");
  EXPECT_NE(outcome.code, 0);
  EXPECT_GT(accepted, 10U) << "there was room in the segment that was open";
  EXPECT_LT(accepted, kLines);
  EXPECT_NE(outcome.out.find("storage_full"), std::string::npos) << outcome.out.substr(0, 2'000);

  const auto account = holdfast(ledger, {"account", "user:0", "--json"});
  EXPECT_NE(account.out.find(fmt::format(R"("available":{},)", accepted * 1'000)), std::string::npos)
      << account.out;
  expect_done(ledger, {"audit"});
  SmallDisk::make_room();
  // The same input again: what was accepted is a replay, the next one is done.
  const auto next = (accepted + 1) * long_line(0).size();
  const auto again = holdfast(ledger, {"apply", "-"}, input.substr(0, input.find('\n', next) + 1));
  EXPECT_EQ(again.code, 0) << again.out.substr(0, 2'000);
  EXPECT_EQ(count(again.out, R"("replayed":true)"), accepted);
  EXPECT_GT(count(again.out, R"("replayed":false)"), 0U);
  expect_done(ledger, {"audit"});
}

TEST(FullDisk, OnOpeningRefusesToWriteAndAnswersQuestions) {
  const SmallDisk disk(160);
  const auto ledger = new_place();
  make_ledger(ledger);
  {
    Process killed({CRASH_WORKER, ledger, "0"});  // leaves no seal, and perhaps a torn tail
    (void)run_and_kill(killed, 50);
  }
  SmallDisk::fill();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(holdfast(ledger, {"account", "user:0"}).code, 0);
    EXPECT_EQ(holdfast(ledger, {"verify"}).code, 0);
    const auto command = holdfast(ledger, {"deposit", "user:0", "1.00", "--key", "full"});
    if (command.code != 0) expect_storage(command, kFull);  // else it was in room that had been taken before
  }
  const auto refused = holdfast("/mnt/shop/other", {"init"});
  expect_storage(refused, kFull);
  SmallDisk::make_room();
  expect_done(ledger, {"deposit", "user:0", "1.00", "--key", "late"});
  expect_done("/mnt/shop/other", {"init"});
  expect_done(ledger, {"audit"});
}

TEST(FullDisk, WhileSnapshotsAreWrittenLosesNothingAndGoesOnOnceThereIsRoom) {
  const SmallDisk disk(6);
  const auto ledger = new_place();
  std::ofstream("/mnt/half") << std::string(3 << 20, 'x');
  expect_done(ledger, {"init"});
  {
    auto made = open_small(ledger);
    ASSERT_TRUE(made.has_value());
    stock(*made);
  }
  const std::vector<std::string> small{std::to_string(kSegmentBytes), std::to_string(kSnapshotEveryBytes)};
  Process writers({CRASH_WORKER, ledger, "0", small[0], small[1]});
  Acknowledged acknowledged;
  while (const auto line = writers.read_line()) acknowledged.take(*line);
  EXPECT_EQ(writers.wait(), 1) << "refused as full";
  EXPECT_GT(acknowledged.counts()[0], 50);
  EXPECT_FALSE(std::filesystem::is_empty(ledger + "/snapshot"));
  expect_done(ledger, {"audit"});
  expect_done(ledger, {"account", "user:0"});

  std::filesystem::remove("/mnt/half");
  auto opened = open_small(ledger);
  ASSERT_TRUE(opened.has_value());
  std::array<Sums, kWriters> sums{};
  for (std::size_t i = 0; i < sums.size(); ++i) sums.at(i).add(acknowledged.counts().at(i) + 1);
  ask_again(*opened, 0, acknowledged.counts());
  expect_sums(*opened, sums);
  expect_lawful(*opened);
}

TEST(FullDisk, ABackupIsRefusedAndTheLedgerIsAsItWas) {
  const SmallDisk disk(160);
  const auto ledger = new_place();
  make_ledger(ledger);
  expect_done(ledger, {"deposit", "user:0", "1.00", "--key", "d"});
  SmallDisk::fill();
  expect_storage(holdfast(ledger, {"backup", "/mnt/shop/copy"}), kFull);
  EXPECT_EQ(holdfast("/mnt/shop/copy", {"verify"}).code, kStorage) << "it is no ledger";
  expect_done(ledger, {"verify"});
  expect_done(ledger, {"account", "user:0"});
  SmallDisk::make_room();
  expect_done(ledger, {"backup", "/mnt/shop/copy2"});
  expect_done("/mnt/shop/copy2", {"audit"});
}

TEST(ReadOnlyDisk, AnswersQuestionsRefusesToWriteAndGoesOnAfterwards) {
  const SmallDisk disk(160);
  testing::TemporaryDirectory elsewhere;
  const auto ledger = new_place();
  make_ledger(ledger);
  expect_done(ledger, {"deposit", "user:0", "1.00", "--key", "d"});
  expect_done(ledger, {"keys", "create", "shop", "--role", "operate"});
  SmallDisk::make_read_only();
  for (const std::vector<std::string>& question : {std::vector<std::string>{"account", "user:0"},
                                                   {"statement", "user:0"},
                                                   {"events"},
                                                   {"verify"},
                                                   {"audit"},
                                                   {"trial-balance"},
                                                   {"status"},
                                                   {"keys", "list"}}) {
    expect_done(ledger, question);
  }
  expect_done(ledger, {"backup", elsewhere.path().string() + "/copy"});
  expect_storage(holdfast(ledger, {"deposit", "user:0", "1.00", "--key", "e"}), kReadOnly);
  expect_storage(holdfast(ledger, {"run-due"}), kReadOnly);
  expect_storage(holdfast(ledger, {"keys", "create", "b", "--role", "read"}), kReadOnly);
  expect_storage(holdfast(ledger, {"serve", "--listen", "127.0.0.1:0"}), kReadOnly);
  expect_storage(holdfast(ledger, {"backup", "/mnt/shop/copy"}), kReadOnly);
  expect_storage(holdfast("/mnt/shop/other", {"init"}), kReadOnly);
  SmallDisk::make_writable();
  expect_done(ledger, {"deposit", "user:0", "1.00", "--key", "e"});
  EXPECT_NE(holdfast(ledger, {"account", "user:0", "--json"}).out.find("\"available\":200,"),
            std::string::npos);
  expect_done(ledger, {"audit"});
}

// While a file is open for writing the kernel refuses to mount its disk read-only; an error of the disk does
// so nevertheless. That is what the layer shows here.
TEST(ReadOnlyDisk, WhileItIsWrittenItAnswersNothingMoreAndLosesNothing) {
  testing::TemporaryDirectory directory;
  const PowerCutDisk disk(directory.path());
  const auto ledger = (disk.root() / "ledger").string();
  const auto sign = directory.path() / "read-only";
  make_ledger(ledger);
  auto environment = disk.begin();
  environment.push_back("POWER_CUT_READ_ONLY=" + sign.string());
  Process writers(with_environment(environment, {CRASH_WORKER, ledger, "0"}));
  Acknowledged acknowledged;
  for (int i = 0; i < 100; ++i) {
    const auto line = writers.read_line();
    ASSERT_TRUE(line.has_value());
    acknowledged.take(*line);
  }
  std::ofstream(sign) << "now";
  while (const auto line = writers.read_line()) acknowledged.take(*line);
  EXPECT_EQ(writers.wait(), 1) << "storage_failed, and no answer after it";
  EXPECT_EQ(holdfast(ledger, {"account", "user:0"}).code, 0);
  const auto refused = run(with_environment(
      environment, {HOLDFAST_PROGRAM, "deposit", "user:0", "1.00", "--key", "e", "--ledger", ledger}));
  expect_storage(refused, kReadOnly);

  auto opened = open(ledger);
  ASSERT_TRUE(opened.has_value());
  std::array<Sums, kWriters> sums{};
  for (std::size_t i = 0; i < sums.size(); ++i) sums.at(i).add(acknowledged.counts().at(i) + 1);
  ask_again(*opened, 0, acknowledged.counts());
  expect_sums(*opened, sums);
  expect_lawful(*opened);
}

/// As somebody whom permissions bind: root, who is above them, gives that up.
Outcome as_bound_user(std::vector<std::string> command) {
  if (::geteuid() == 0) {
    const std::vector<std::string> bound{"/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all"};
    command.insert(command.begin(), bound.begin(), bound.end());
  }
  return run(command);
}

TEST(NotOurs, AFileOrDirectoryWithoutPermissionIsNamed) {
  namespace fs = std::filesystem;
  testing::TemporaryDirectory directory;
  const auto ledger = directory.path().string() + "/ledger";
  make_ledger(ledger);
  const auto ask = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> command{HOLDFAST_PROGRAM};
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.insert(command.end(), {"--ledger", ledger});
    return as_bound_user(command);
  };
  EXPECT_EQ(ask({"account", "user:0"}).code, 0);
  const auto expect_denied = [&](const std::string& what, const std::vector<std::string>& arguments) {
    const auto outcome = ask(arguments);
    expect_storage(outcome, "Permission denied");
    EXPECT_NE(outcome.out.find(what), std::string::npos) << outcome.out;
  };
  const std::vector<std::string> question{"account", "user:0"};
  const std::vector<std::string> command{"deposit", "user:0", "1.00", "--key", "d"};
  for (const auto* part : {"", "/journal", "/journal/000001", "/ledger"}) {
    const auto before = fs::status(ledger + part).permissions();
    fs::permissions(ledger + part, fs::perms::none);
    expect_denied(ledger + part, question);
    expect_denied(ledger + part, command);
    fs::permissions(ledger + part, before);
  }
  // To be read, not written.
  for (const auto* part : {"/journal/000001", "/LOCK"}) {
    const auto before = fs::status(ledger + part).permissions();
    fs::permissions(ledger + part, fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_EQ(ask(question).code, 0) << part;
    expect_denied(ledger + part, command);
    fs::permissions(ledger + part, before);
  }
  EXPECT_EQ(ask(command).code, 0);
  EXPECT_EQ(ask({"audit"}).code, 0);
}

}  // namespace
}  // namespace holdfast::crash
