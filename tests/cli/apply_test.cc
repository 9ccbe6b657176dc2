// `holdfast apply` as a stream: order, bad lines, --stop, memory, and callers that go away.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool is_ok(const std::string& answer) {
  return answer.starts_with("{\"ok\":true,");
}

std::string deposit(int number, std::string_view more = "") {
  return R"({"op":"deposit","key":"d)" + std::to_string(number) + R"(","account":"user:1","amount":1)" +
         std::string(more) + "}\n";
}

TEST(Apply, AnswersInOrderAndGoesOnAfterBadLines) {
  const Workplace place;
  make_ledger(place);
  const auto outcome =
      holdfast(place, {"apply", "-"},
               deposit(1) + "nonsense\n" + "\n" + deposit(2) +
                   R"({"op":"deposit","key":"d3","account":"nobody","amount":1})" + "\n  \r\n" +
                   R"({"op":"freeze","escrow":1,"escrow":2})" + "\n" + deposit(4));
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.err, "");
  const auto lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 6U) << outcome.out;
  EXPECT_TRUE(is_ok(lines[0]));
  EXPECT_NE(lines[1].find(R"({"ok":false,"error":{"code":"invalid_command","message":"line 2: not JSON)"),
            std::string::npos)
      << lines[1];
  EXPECT_TRUE(is_ok(lines[2]));
  EXPECT_NE(lines[3].find("\"code\":\"account_not_found\""), std::string::npos) << lines[3];
  EXPECT_NE(lines[4].find("line 7: field \\\"escrow\\\" is given twice"), std::string::npos) << lines[4];
  EXPECT_TRUE(is_ok(lines[5])) << "the last line";
}

TEST(Apply, LastLineWithoutALineEnd) {
  const Workplace place;
  make_ledger(place);
  auto text = deposit(1) + deposit(2);
  text.pop_back();
  const auto outcome = holdfast(place, {"apply"}, text);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(lines_of(outcome.out).size(), 2U);
}

TEST(Apply, ALineThatIsTooLong) {
  const Workplace place;
  make_ledger(place);
  const std::string huge(std::size_t{17} << 20, 'x');
  const auto outcome = holdfast(place, {"apply"}, huge + "\n" + deposit(1));
  EXPECT_EQ(outcome.code, 3);
  const auto lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("line 1: a line has at most 16777216 bytes"), std::string::npos) << lines[0];
  EXPECT_TRUE(is_ok(lines[1]));
}

TEST(Apply, StopEndsAtTheFirstRejectionAndNothingAfterItTakesEffect) {
  for (const std::string bad : {"nonsense\n", "{\"op\":\"close_account\",\"account\":\"nobody\"}\n"}) {
    const Workplace place;
    make_ledger(place);
    const auto outcome = holdfast(place, {"apply", "--stop"}, deposit(1) + bad + deposit(2));
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(lines_of(outcome.out).size(), 2U) << outcome.out;
    EXPECT_NE(outcome.err.find("holdfast: stopped at line 2 of standard input"), std::string::npos)
        << outcome.err;
    EXPECT_NE(holdfast(place, {"account", "user:1", "--json"}).out.find("\"available\":10001,"),
              std::string::npos);
  }
}

TEST(Apply, ChunkedCommandsRunInTheirPlace) {
  const Workplace place;
  make_ledger(place);
  std::string text;
  for (int i = 1; i <= 10; ++i) {
    text +=
        R"({"op":"hold","key":"h)" + std::to_string(i) +
        R"(","payer":"user:1","beneficiary":"campaign:7","amount":100,"fee_plan":"standard","group":"g"})" +
        "\n";
  }
  text += R"({"op":"release","group":"g","chunk":3,"key":"close","mode":"skip"})"
          "\n";
  text += R"({"op":"withdraw","key":"out","account":"campaign:7","amount":920})"
          "\n";
  const auto outcome = holdfast(place, {"apply"}, text);
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  const auto lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_NE(lines[10].find(R"("escrows":10,"amount":1000,"commission":50,"processor_fee":30,"net":920)"),
            std::string::npos)
      << lines[10];
}

TEST(Apply, HundredThousandLinesInConstantMemory) {
  const auto answered = [](int lines) {
    const Workplace place;
    make_ledger(place);
    // Long lines that change nothing: what grows with them is the program's own.
    const std::string line =
        R"({"op":"open_account","account":"user:1","currency":"EUR","kind":"user","reason":")" +
        std::string(200, 'r') + "\"}\n";
    // Written in pieces: what this process holds when it forks would count for the program.
    {
      std::ofstream file(place.path() / "lines");
      for (int i = 0; i < lines; ++i) file << line;
    }
    const auto outcome = holdfast(place, {"apply", "../lines"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.out, '\n'), lines);
    return outcome.max_rss_kib;
  };
  const auto few = answered(5'000);
  const auto many = answered(100'000);
#ifndef __SANITIZE_ADDRESS__  // it keeps freed memory for a while
  EXPECT_LT(many, few + 8'192) << "KiB";
#endif
}

TEST(Apply, HundredThousandCommandsOfOneCaller) {
  const Workplace place;
  make_ledger(place);
  constexpr int kLines = 100'000;
  std::string text;
  for (int i = 0; i < kLines; ++i) text += deposit(i);
  const auto outcome = holdfast(place, {"apply"}, text);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const auto lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(kLines));
  for (int i = 0; i < kLines; ++i) {
    const auto start = "{\"ok\":true,\"event_id\":" + std::to_string(5 + i) + ",";
    ASSERT_TRUE(lines[static_cast<std::size_t>(i)].starts_with(start))
        << i << ": " << lines[static_cast<std::size_t>(i)];
  }
}

TEST(Apply, ACallerThatWaitsForEachAnswerGetsIt) {
  const Workplace place;
  make_ledger(place);
  Conversation talk(place, {"apply"});
  for (int i = 0; i < 5; ++i) {
    talk.say(deposit(i));
    EXPECT_TRUE(is_ok(talk.hear_line()));
  }
  EXPECT_EQ(talk.finish().code, 0);
}

TEST(Apply, ReadOnlyCommandsWorkBesideIt) {
  const Workplace place;
  make_ledger(place);
  Conversation talk(place, {"apply"});
  talk.say(deposit(1));
  EXPECT_TRUE(is_ok(talk.hear_line()));
  const auto account = holdfast(place, {"account", "user:1", "--json"});
  EXPECT_EQ(account.code, 0) << account.err;
  EXPECT_NE(account.out.find("\"available\":10001,"), std::string::npos) << account.out;
  const auto second = holdfast(place, {"deposit", "user:1", "1.00", "--key", "x"});
  EXPECT_EQ(second.code, 4);
  EXPECT_NE(second.err.find("is in use by"), std::string::npos) << second.err;
  EXPECT_EQ(talk.finish().code, 0);
}

TEST(Apply, AReaderThatGoesAwayEndsItQuietly) {
  std::signal(SIGPIPE, SIG_IGN);
  const Workplace place;
  make_ledger(place);
  Conversation talk(place, {"apply"});
  talk.say(deposit(0));
  EXPECT_TRUE(is_ok(talk.hear_line()));
  talk.stop_listening();
  std::string many;
  for (int i = 1; i < 20'000; ++i) many += deposit(i);
  talk.say(many);
  const auto outcome = talk.finish();
  EXPECT_EQ(outcome.code, 4);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(holdfast(place, {"audit"}).code, 0);
}

TEST(Output, AReaderOfAListThatGoesAwayIsNoError) {
  const Workplace place;
  make_ledger(place);
  std::string text;
  for (int i = 0; i < 3'000; ++i) text += deposit(i);
  ASSERT_EQ(holdfast(place, {"apply"}, text).code, 0);
  const auto outcome =
      shell(place, "holdfast events --json --limit 0 | head -n 1 | cut -c 1-8; holdfast version | true");
  EXPECT_EQ(outcome.out, "{\"seq\":1\n");
}

TEST(Output, ADeviceThatIsFullIsTold) {
  const Workplace place;
  const auto outcome = shell(place, "holdfast version > /dev/full");
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.out.find("holdfast: standard output cannot be written"), std::string::npos)
      << outcome.out;
}

}  // namespace
}  // namespace holdfast::cli
