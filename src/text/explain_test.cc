#include "text/explain.h"

#include <gtest/gtest.h>

namespace holdfast::text {
namespace {

Currency currency(std::string_view code) {
  return *Currency::parse(code);
}

FeeRule rate(std::string_view text) {
  FeeRule rule;
  rule.rate = *Rate::parse(text);
  return rule;
}

std::string whole(std::int64_t part, std::int64_t fee, const FeeRule& rule,
                  Rounding rounding = Rounding::half_up, std::string_view code = "EUR") {
  return explain_fee({Amount(), Amount(), Amount(part), Amount(fee)}, rule, rounding, currency(code));
}

TEST(Explain, AFeeOfAWholeRelease) {
  EXPECT_EQ(whole(999, 50, rate("0.05")), "0.50 = 9.99 × 5 % = 0.4995, half up");
  EXPECT_EQ(whole(999, 29, rate("0.029")), "0.29 = 9.99 × 2.9 % = 0.28971, half up");
  EXPECT_EQ(whole(10'000, 500, rate("0.05")), "5.00 = 100.00 × 5 %") << "nothing was rounded";
  EXPECT_EQ(whole(9, 0, rate("0.05")), "0.00 = 0.09 × 5 % = 0.0045, half up");
  EXPECT_EQ(whole(50, 2, rate("0.05"), Rounding::half_even), "0.02 = 0.50 × 5 % = 0.025, half to even");
  EXPECT_EQ(whole(1'001, 51, rate("0.05"), Rounding::up), "0.51 = 10.01 × 5 % = 0.5005, rounded up");
  EXPECT_EQ(whole(999, 0, rate("0")), "0.00 = 9.99 × 0 %");
}

TEST(Explain, OtherCurrencies) {
  EXPECT_EQ(whole(999, 50, rate("0.05"), Rounding::half_up, "JPY"), "50 = 999 × 5 % = 49.95, half up");
  EXPECT_EQ(whole(9'999, 500, rate("0.05"), Rounding::half_up, "BHD"),
            "0.500 = 9.999 × 5 % = 0.49995, half up");
  EXPECT_EQ(whole(9'007'199'254'740'991, 9'007'199'254'740'991, rate("1")),
            "90,071,992,547,409.91 = 90,071,992,547,409.91 × 100 %");
}

TEST(Explain, FixedLeastAndMost) {
  auto rule = rate("0.029");
  rule.fixed = Amount(30);
  EXPECT_EQ(whole(1'000, 59, rule), "0.59 = 10.00 × 2.9 %, + 0.30");
  rule.min = Amount(100);
  EXPECT_EQ(whole(1'000, 100, rule), "1.00 = 10.00 × 2.9 %, + 0.30, at least 1.00");
  rule.max = Amount(200);
  EXPECT_EQ(whole(100'000, 200, rule), "2.00 = 1,000.00 × 2.9 %, + 0.30, at most 2.00");
}

TEST(Explain, Parts) {
  const auto eur = currency("EUR");
  EXPECT_EQ(explain_fee({Amount(49), Amount(2), Amount(1), Amount(1)}, rate("0.05"), Rounding::half_up, eur),
            "0.01 = 0.50 × 5 % = 0.025, half up, less 0.02 before");
  EXPECT_EQ(explain_fee({Amount(49), Amount(1), Amount(1), Amount(1)}, rate("0.05"), Rounding::half_up, eur),
            "0.01 = 0.50 × 5 % = 0.025, half up, less 0.01 before, cut to what this part could pay");
}

EscrowView escrow(EscrowStatus status) {
  EscrowView view;
  view.escrow = EscrowId(1);
  view.key = "pledge:8812";
  view.payer = "user:42";
  view.beneficiary = "campaign:7";
  view.currency = currency("EUR");
  view.amount = Amount(999);
  view.status = status;
  view.fee_plan = "standard";
  view.fee_plan_version = 1;
  return view;
}

EscrowHistoryLine line(std::uint64_t seq, std::string op, std::string actor, std::int64_t amount) {
  EscrowHistoryLine result;
  result.seq = Seq(seq);
  result.at = *parse_rfc3339("2026-11-20T09:14:03.5Z");
  result.op = std::move(op);
  result.actor = std::move(actor);
  result.amount = Amount(amount);
  return result;
}

FeePlanView standard() {
  FeePlanView plan{"standard", 1, currency("EUR"), rate("0.05"), rate("0.029"), Rounding::half_up};
  plan.commission.to = "platform:commission";
  plan.processor_fee.to = "processor:fees";
  return plan;
}

TEST(Explain, AReleasedEscrow) {
  auto hold = line(17, "hold", "shop", 999);
  hold.plan = standard();
  auto release = line(4'210, "release", "finance", 999);
  release.others = 2'499;
  release.group = "campaign:7";
  release.commission = Amount(50);
  release.processor_fee = Amount(29);
  release.net = Amount(920);
  release.plan = standard();
  EXPECT_EQ(
      explain(escrow(EscrowStatus::released), {hold, release}),
      "pledge:8812   9.99 EUR   user:42 → campaign:7   RELEASED   fee plan standard v1\n"
      "  held       2026-11-20 09:14:03 UTC   by \"shop\"      seq 17\n"
      "  released   2026-11-20 09:14:03 UTC   by \"finance\"   seq 4,210 (with 2,499 others of campaign:7)\n"
      "  commission 0.50 = 9.99 × 5 % = 0.4995, half up      → platform:commission\n"
      "  fee        0.29 = 9.99 × 2.9 % = 0.28971, half up   → processor:fees\n"
      "  net        9.20 = 9.99 − 0.50 − 0.29                → campaign:7\n");
}

TEST(Explain, ADispute) {
  const auto hold = line(1, "hold", "", 999);
  auto freeze = line(2, "freeze", "support", 0);
  freeze.reason = "chargeback 91";
  const auto back = line(3, "resolve", "support", 400);
  auto out = line(3, "resolve", "support", 599);
  out.commission = Amount(30);
  out.processor_fee = Amount(17);
  out.net = Amount(552);
  out.plan = standard();
  EXPECT_EQ(explain(escrow(EscrowStatus::split), {hold, freeze, back, out}),
            "pledge:8812   9.99 EUR   user:42 → campaign:7   SPLIT   fee plan standard v1\n"
            "  held       2026-11-20 09:14:03 UTC                         seq 1\n"
            "  frozen     2026-11-20 09:14:03 UTC          by \"support\"   seq 2 (chargeback 91)\n"
            "  resolved   2026-11-20 09:14:03 UTC   4.00   by \"support\"   seq 3\n"
            "             4.00 back, without fees                  → user:42\n"
            "  resolved   2026-11-20 09:14:03 UTC   5.99   by \"support\"   seq 3\n"
            "  commission 0.30 = 5.99 × 5 % = 0.2995, half up      → platform:commission\n"
            "  fee        0.17 = 5.99 × 2.9 % = 0.17371, half up   → processor:fees\n"
            "  net        5.52 = 5.99 − 0.30 − 0.17                → campaign:7\n");
}

}  // namespace
}  // namespace holdfast::text
