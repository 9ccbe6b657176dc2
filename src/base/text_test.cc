// Quoted texts and the texts of errors.
#include "base/text.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "holdfast/result.h"

namespace holdfast {
namespace {

TEST(InQuotes, StaysOneLineOfAscii) {
  EXPECT_EQ(in_quotes(""), R"("")");
  EXPECT_EQ(in_quotes("EUR"), R"("EUR")");
  EXPECT_EQ(in_quotes("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(in_quotes(std::string_view("\0\n\x1b\x7f", 4)), R"("\x00\x0a\x1b\x7f")");
  EXPECT_EQ(in_quotes("caf\xc3\xa9"), R"("caf\xc3\xa9")");
}

TEST(InQuotes, IsCutAfter64Characters) {
  const std::string sixty_four(64, 'x');
  EXPECT_EQ(in_quotes(sixty_four), "\"" + sixty_four + "\"");
  EXPECT_EQ(in_quotes(sixty_four + "y"), "\"" + sixty_four + "\"...");
}

TEST(ErrorCode, NumbersAndTextsAreAContract) {
  const struct {
    int number;
    std::string_view text;
  } cases[] = {
      {1, "invalid_command"},
      {2, "account_not_found"},
      {3, "account_exists"},
      {4, "account_closed"},
      {5, "account_not_empty"},
      {6, "account_in_use"},
      {7, "escrow_not_found"},
      {8, "escrow_not_locked"},
      {9, "escrow_frozen"},
      {10, "not_frozen"},
      {11, "group_closed"},
      {12, "group_not_found"},
      {13, "insufficient_funds"},
      {14, "currency_mismatch"},
      {15, "amount_out_of_range"},
      {16, "fees_exceed_amount"},
      {17, "fee_plan_not_found"},
      {18, "fee_plan_fixed"},
      {19, "duplicate_item"},
      {20, "batch_too_large"},
      {21, "idempotency_conflict"},
      {22, "overflow"},
      {23, "wrong_account_kind"},
      {24, "not_as_expected"},
      {64, "busy"},
      {65, "storage_full"},
      {66, "storage_failed"},
      {67, "corrupt"},
      {68, "not_a_ledger"},
      {69, "newer_format"},
      {70, "read_only"},
      {71, "aborted"},
  };
  for (const auto& c : cases) {
    const auto code = static_cast<ErrorCode>(c.number);
    EXPECT_EQ(to_string(code), c.text);
    EXPECT_EQ(is_rejection(code), c.number < 64);
  }
}

TEST(ToError, ToldApartByTheirNumber) {
  const struct {
    int number;
    ErrorCode code;
  } cases[] = {
      {ENOSPC, ErrorCode::storage_full},  {EDQUOT, ErrorCode::storage_full},
      {EIO, ErrorCode::storage_failed},   {EACCES, ErrorCode::storage_failed},
      {EROFS, ErrorCode::storage_failed},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(to_error({c.number, "pwrite book/journal"}).code, c.code) << c.number;
  }
  EXPECT_EQ(to_error({ENOSPC, "pwrite book/journal"}).message,
            "pwrite book/journal: No space left on device");
}

TEST(AssertDeathTest, SaysWhatBrokeAndAborts) {
  const int balance = -1;
  EXPECT_DEATH(HOLDFAST_ASSERT(balance >= 0, "no user account is below 0"),
               "text_test.cc:[0-9]+: assertion failed: no user account is below 0 .balance >= 0.");
  HOLDFAST_ASSERT(balance == -1, "and holds its peace otherwise");
}

TEST(SystemClock, AdvancesInOurCentury) {
  const auto& clock = system_clock();
  EXPECT_GT(clock.wall(), Timestamp{1'600'000'000'000'000});
  EXPECT_LT(clock.wall(), Timestamp{4'102'444'800'000'000});
  const auto before = clock.monotonic();
  EXPECT_GE(clock.monotonic(), before);
}

TEST(SystemRandom, FillsAllOfItEachTimeAnew) {
  std::set<std::vector<std::byte>> seen;
  for (int i = 0; i < 100; ++i) {
    std::vector<std::byte> bytes(1'000);
    system_random().fill(bytes);
    EXPECT_NE(std::vector(bytes.end() - 16, bytes.end()), std::vector<std::byte>(16))
        << "the end is left out";
    seen.insert(std::move(bytes));
  }
  EXPECT_EQ(seen.size(), 100U);
  system_random().fill({});
}

}  // namespace
}  // namespace holdfast
