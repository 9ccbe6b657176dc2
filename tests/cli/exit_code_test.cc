// The exit codes, each by a way that leads to it.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

class ExitCodes : public testing::Test {
 protected:
  void SetUp() override { make_ledger(place_); }
  Outcome run(const std::vector<std::string>& arguments) { return holdfast(place_, arguments); }
  Workplace place_;
};

TEST_F(ExitCodes, Done) {
  const std::vector<std::string> cases[] = {
      {"--help"},
      {"release", "--help"},
      {"version"},
      {"seal"},
      {"init"},
      {"account", "user:1"},
      {"accounts"},
      {"escrows"},
      {"groups"},
      {"fee-plans"},
      {"statement", "user:1"},
      {"trial-balance"},
      {"events"},
      {"audit"},
      {"verify"},
      {"migrate"},
      {"run-due"},
      {"backup", "copy"},
      {"deposit", "user:1", "1.00", "--key", "k"},
  };
  for (const auto& arguments : cases) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 0) << arguments.front() << ": " << outcome.err;
    EXPECT_EQ(outcome.err, "") << arguments.front();
    EXPECT_NE(outcome.out, "") << arguments.front();
  }
}

TEST_F(ExitCodes, ACheckFailed) {
  // One bit of an event that is durable.
  const std::string name = "here/holdfast-data/journal/000001";
  auto bytes = place_.read(name);
  const auto at = bytes.find("campaign:7");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  place_.write(name, bytes);
  const auto outcome = run({"verify"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(outcome.err.starts_with("holdfast: ")) << outcome.err;
  EXPECT_EQ(run({"account", "user:1"}).code, 4) << "a corrupt ledger does not open";
}

TEST_F(ExitCodes, Usage) {
  const std::vector<std::string> cases[] = {
      {},
      {"nonsense"},
      {"account"},
      {"account", "user:1", "extra"},
      {"escrows", "--limit", "x"},
      {"escrows", "--status", "LOST"},
      {"escrows", "--group", "g", "--payer", "p"},
      {"deposit", "user:1", "1.00"},
      {"release"},
      {"release", "1", "--group", "g"},
      {"release", "1", "--mode", "some"},
      {"reschedule", "1"},
      {"run-due", "--now", "tomorrow"},
      {"apply", "no-such-file.jsonl"},
      {"import", "no-such-file.csv", "--fee-plan", "standard"},
  };
  for (const auto& arguments : cases) {
    const auto outcome = run(arguments);
    const auto name = arguments.empty() ? std::string("nothing") : arguments.front();
    EXPECT_EQ(outcome.code, 2) << name << ": " << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("holdfast: ")) << name << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "") << name;
  }
}

TEST_F(ExitCodes, Rejected) {
  const std::vector<std::string> cases[] = {
      {"account", "nobody"},
      {"escrow", "17"},
      {"explain", "pledge:none"},
      {"statement", "nobody"},
      {"group", "none"},
      {"deposit", "user:1", "1.005", "--key", "k"},
      {"deposit", "user:1", "1e3", "--key", "k"},
      {"deposit", "user:1", "10,00", "--key", "k"},
      {"deposit", "user:1", "NaN", "--key", "k"},
      {"deposit", "user:1", "0", "--key", "k"},
      {"deposit", "user:1", "1.00", "--key", "12"},
      {"withdraw", "user:1", "100.01", "--key", "k"},
      {"release", "17"},
      {"open-account", "user:1", "--currency", "USD", "--kind", "user"},
      {"open-account", "a b", "--currency", "EUR", "--kind", "user"},
  };
  for (const auto& arguments : cases) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 3) << arguments.front() << ": " << outcome.out;
    EXPECT_TRUE(outcome.err.starts_with("holdfast: ")) << arguments.front() << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "") << arguments.front();
  }
}

TEST_F(ExitCodes, Storage) {
  const std::vector<std::string> cases[] = {
      {"account", "user:1", "--ledger", "./nowhere"},
      {"deposit", "user:1", "1.00", "--key", "k", "--ledger", "./nowhere"},
      {"audit", "--ledger", "./nowhere"},
      {"verify", "--ledger", "./nowhere"},
      {"backup", "copy", "--ledger", "./nowhere"},
      {"account", "user:1", "--ledger", "postgresql://me:secret@127.0.0.1:1/db"},
      {"restore", "holdfast-data"},
  };
  for (const auto& arguments : cases) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 4) << arguments.front() << ": " << outcome.out;
    EXPECT_TRUE(outcome.err.starts_with("holdfast: ")) << arguments.front() << ": " << outcome.err;
    EXPECT_EQ(outcome.err.find("secret"), std::string::npos) << outcome.err;
  }
}

TEST_F(ExitCodes, WithJsonEveryErrorIsOneLineOnStandardOutput) {
  const std::pair<std::vector<std::string>, int> cases[] = {
      {{"account", "nobody", "--json"}, 3},
      {{"--json", "account", "user:1", "extra"}, 2},
      {{"release", "17", "--json"}, 3},
      {{"apply", "no-such-file.jsonl", "--json"}, 2},
      {{"account", "user:1", "--json", "--ledger", "./nowhere"}, 4},
  };
  for (const auto& [arguments, code] : cases) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, code) << arguments.front();
    EXPECT_TRUE(outcome.out.starts_with("{\"ok\":false,\"error\":{\"code\":\"")) << outcome.out;
    EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 1) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
}

TEST_F(ExitCodes, TheLedgerIsWhereTheEnvironmentSays) {
  EXPECT_EQ(shell(place_, "HOLDFAST_LEDGER=./nowhere holdfast account user:1").code, 4);
  EXPECT_EQ(shell(place_, "HOLDFAST_LEDGER=./nowhere holdfast account user:1 --ledger holdfast-data").code,
            0);
}

}  // namespace
}  // namespace holdfast::cli
