// Releases and refunds of many escrows: all or nothing, or skipping, and what they report.
#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class BatchesTest : public ConformanceTest {
 protected:
  /// `count` escrows of alice in a group, `<group>:0` and on.
  std::vector<std::string> fill(const std::string& group, int count, std::int64_t amount) {
    std::vector<std::string> names;
    std::vector<Command> holds;
    for (int i = 0; i < count; ++i) {
      names.push_back(fmt::format("{}:{}", group, i));
      holds.push_back(hold(names.back(), "alice", "shop", amount, group));
    }
    run(ledger, atomic(std::move(holds)));
    return names;
  }
};
HOLDFAST_ON_EVERY_STORE(BatchesTest);

TEST_P(BatchesTest, AllOrNothingListsEveryOffender) {
  fill("g", 5, 1'000);
  run(ledger, freeze("g:1"));
  run(ledger, release({"g:2"}));
  const auto before = contents(ledger);
  const auto error = reject(release({"g:0", "g:1", "g:2", "g:0", "none", "g:4"}));
  EXPECT_EQ(code_of(error), "escrow_frozen") << "the first item's";
  EXPECT_EQ(text(error.items),
            "g:1:escrow_frozen, g:2:escrow_not_locked, g:0:duplicate_item, none:escrow_not_found");
  EXPECT_EQ(error.counts.size(), 4U);
  EXPECT_EQ(contents(ledger), before);
}

TEST_P(BatchesTest, SkippingReleasesTheOthersAndTotalsExactlyThose) {
  fill("g", 5, 1'000);
  run(ledger, freeze("g:1"));
  run(ledger, release({"g:2"}));
  const auto settled = settle(ledger, skip_release({"g:0", "g:1", "g:2", "g:0", "none", "g:4"}));
  EXPECT_EQ(split(settled), "EUR 2 of 2000: 100 / 60 / 1840");
  EXPECT_EQ(text(settled.skipped),
            "g:1:escrow_frozen, g:2:escrow_not_locked, g:0:duplicate_item, none:escrow_not_found");
  EXPECT_EQ(buckets("shop"), fmt::format("{}+0", 3 * 920));
  EXPECT_EQ(buckets("alice"), "95000+2000");
}

TEST_P(BatchesTest, SkippingAllIsAnAnswerWithZeros) {
  const auto settled = settle(ledger, skip_refund({"none", "nobody"}));
  EXPECT_TRUE(settled.totals.empty());
  EXPECT_EQ(text(settled.skipped_count), "escrow_not_found 2");
}

TEST_P(BatchesTest, OnlyTheFirstHundredOffendersAreListedAndAllAreCounted) {
  std::vector<std::string> names;
  for (int i = 0; i < 250; ++i) names.push_back(fmt::format("none:{}", i));
  const auto error = reject(release(names));
  EXPECT_EQ(error.items.size(), 100U);
  EXPECT_EQ(text(error.counts), "escrow_not_found 250");
  const auto settled = settle(ledger, skip_release(names));
  EXPECT_EQ(settled.skipped.size(), 100U);
  EXPECT_EQ(text(settled.skipped_count), "escrow_not_found 250");
}

TEST_P(BatchesTest, AGroupTakesWhatIsLockedAndLeavesWhatIsFrozen) {
  fill("g", 6, 1'000);
  run(ledger, freeze("g:3"));
  run(ledger, refund({"g:5"}));
  run(ledger, release_part("p", "g:4", 400));
  const auto settled = settle(ledger, release_group("g"));
  EXPECT_EQ(split(settled), "EUR 4 of 3600: 180 / 108 / 3312");
  EXPECT_EQ(text(settled.skipped_count), "escrow_frozen 1");
  EXPECT_EQ(must(ledger.group("g")).live, 1U);
  EXPECT_EQ(must(ledger.group("g")).escrows, 6U);
  const auto rest = settle(ledger, refund_group("g"));
  EXPECT_TRUE(rest.totals.empty());
  EXPECT_EQ(text(rest.skipped_count), "escrow_frozen 1");
}

TEST_P(BatchesTest, AListOf8192) {
  run(ledger, deposit("d", "alice", 8'192 * 999));
  const auto names = fill("big", static_cast<int>(kMaxListItems), 999);
  EXPECT_EQ(split(settle(ledger, release(names))), "EUR 8192 of 8183808: 409600 / 245760 / 7528448");
  EXPECT_EQ(must(ledger.group("big")).live, 0U);
  EXPECT_EQ(reject(release(names)).counts.at(0).count, 8'192U);
}

TEST_P(BatchesTest, TwoThousandFiveHundredInOneClose) {
  run(ledger, deposit("d", "alice", 2'500 * 999));
  fill("campaign", 2'500, 999);
  const auto closing = changed<Release>(release_group("campaign"), [](Release& op) { op.close = true; });
  const auto settled = settle(ledger, closing);
  EXPECT_EQ(split(settled), "EUR 2500 of 2497500: 125000 / 75000 / 2297500");
  EXPECT_EQ(buckets("shop"), "2297500+0");
  EXPECT_EQ(buckets("platform:commission"), "125000+0");
  EXPECT_EQ(buckets("processor:fees"), "75000+0");
  EXPECT_FALSE(must(ledger.group("campaign")).open);
  reopen();
  EXPECT_EQ(buckets("shop"), "2297500+0");
}

TEST_P(BatchesTest, IdsAndKeysMix) {
  fill("g", 4, 100);
  EscrowList list;
  list.add("g:0");
  list.add(escrow("g:1").escrow);
  list.add("g:2");
  list.add(EscrowId(999'999));
  list.add(escrow("g:0").escrow);
  const auto settled = settle(ledger, batch<Refund>(list, BatchMode::skip));
  EXPECT_EQ(split(settled), "EUR 3 of 300: 0 / 0 / 0");
  EXPECT_EQ(settled.skipped.size(), 2U);
  EXPECT_EQ(settled.skipped[0].escrow, EscrowId(999'999)) << "as it was named";
  EXPECT_EQ(settled.skipped[0].reason, ErrorCode::escrow_not_found);
  EXPECT_EQ(settled.skipped[1].reason, ErrorCode::duplicate_item);
}

TEST_P(BatchesTest, ManyPayersAndBeneficiaries) {
  run(ledger, open("kiosk", AccountKind::beneficiary));
  for (int i = 0; i < 40; ++i) {
    run(ledger, hold(fmt::format("m:{}", i), i % 2 == 0 ? "alice" : "bob", i % 3 == 0 ? "kiosk" : "shop",
                     100 + i, "m"));
  }
  const auto settled = settle(ledger, release_group("m"));
  EXPECT_EQ(settled.totals.at(0).escrows, 40U);
  const auto& total = settled.totals.at(0);
  EXPECT_EQ(total.amount, total.commission + total.processor_fee + total.net);
  EXPECT_EQ(available(ledger, "shop") + available(ledger, "kiosk"), total.net.minor());
  EXPECT_EQ(held(ledger, "alice") + held(ledger, "bob"), 0);
}

TEST_P(BatchesTest, AnotherPlanReplacesTheOneAtHoldWhereNothingWasReleased) {
  run(ledger, plan("cheap", "0.01", "0"));
  fill("g", 3, 1'000);
  EXPECT_EQ(split(settle(ledger, release_under("g:0", "cheap"))), "EUR 1 of 1000: 10 / 0 / 990");
  EXPECT_EQ(escrow("g:0").fee_plan, "cheap");
  run(ledger, release_part("p", "g:1", 100));
  EXPECT_EQ(code_of(reject(release_under("g:1", "cheap"))), "fee_plan_fixed");
  auto part = changed<Release>(release_part("p2", "g:2", 100), [](Release& op) { op.fee_plan = "cheap"; });
  EXPECT_EQ(split(settle(ledger, part)), "EUR 1 of 100: 1 / 0 / 99");
  EXPECT_EQ(split(settle(ledger, release({"g:2"}))), "EUR 1 of 900: 9 / 0 / 891")
      << "it stays with the escrow";
}

TEST_P(BatchesTest, BeneficiaryAndCommissionAccountCanBeThePayersToo) {
  // A platform that buys on its own site: its commission account is the beneficiary, and pays elsewhere.
  run(ledger, open("platform:commission", AccountKind::platform));
  run(ledger, hold("in", "alice", "platform:commission", 1'000));
  run(ledger, release({"in"}));
  EXPECT_EQ(available(ledger, "platform:commission"), 50 + 920);
  run(ledger, hold("out", "platform:commission", "shop", 900));
  run(ledger, release({"out"}));
  EXPECT_EQ(available(ledger, "platform:commission"), 70 + 45);
}

}  // namespace
}  // namespace holdfast
