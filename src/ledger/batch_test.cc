// Batches: lists and groups, atomic and skip, chunks, and what their errors say.
#include <fmt/core.h>

#include "ledger/testing/book.h"

namespace holdfast {
namespace {

using namespace testing;

class Batches : public Market {
 protected:
  Batches() {
    for (const auto* key : {"a", "b", "c", "d"}) book.accept(hold(key, "alice", "shop", 1'000, "g"));
    book.accept(freeze("b"));
    book.accept(release({"c"}));
  }
};

TEST_F(Batches, AnAtomicListSaysWhatIsInItsWay) {
  const auto error = book.reject(release({"a", "b", "c", "a", "none"}));
  EXPECT_EQ(error.code, ErrorCode::escrow_frozen);
  EXPECT_EQ(error.message,
            "4 of 5 escrows cannot be released, so none was; the first is escrow b: it is FROZEN; resolve it "
            "first, or pass mode skip");
  EXPECT_EQ(error.items, (std::vector<ItemError>{{book.id("b"), "b", ErrorCode::escrow_frozen},
                                                 {book.id("c"), "c", ErrorCode::escrow_not_locked},
                                                 {book.id("a"), "a", ErrorCode::duplicate_item},
                                                 {EscrowId(), "none", ErrorCode::escrow_not_found}}));
  EXPECT_EQ(error.counts, (std::vector<CodeCount>{{ErrorCode::escrow_not_found, 1},
                                                  {ErrorCode::escrow_not_locked, 1},
                                                  {ErrorCode::escrow_frozen, 1},
                                                  {ErrorCode::duplicate_item, 1}}));
}

TEST_F(Batches, OneEscrowIsNamedWithItsReason) {
  EXPECT_EQ(book.reject(release({"b"})).message,
            "escrow b cannot be released: it is FROZEN; resolve it first");
  EXPECT_EQ(book.reject(refund({"c"})).message,
            "escrow c cannot be refunded: it is RELEASED, with nothing locked; leave it out");
}

TEST_F(Batches, ASkippingListSettlesTheRest) {
  const auto result = book.settle(skip_refund({"b", "a", "c", "a", "none", "d"}));
  EXPECT_EQ(totals_text(result), "EUR 2 of 2000: 0 / 0 / 0");
  ASSERT_EQ(result.skipped.size(), 4u);
  EXPECT_EQ(result.skipped[2].reason, ErrorCode::duplicate_item);
  EXPECT_EQ(result.skipped_count.size(), 4u);
}

TEST_F(Batches, AListOfIdsNamesNoKeys) {
  const auto error = book.reject(release_ids({book.id("a"), book.id("b"), EscrowId(77)}));
  EXPECT_EQ(error.items, (std::vector<ItemError>{{book.id("b"), "", ErrorCode::escrow_frozen},
                                                 {EscrowId(77), "", ErrorCode::escrow_not_found}}));
}

TEST_F(Batches, IdAndKeyOfOneEscrowAreARepeat) {
  auto list = keys({"a"});
  list.add(book.id("a"));
  EXPECT_EQ(book.reject(batch<Release>(list)).code, ErrorCode::duplicate_item);
}

TEST_F(Batches, FrozenEscrowsNeverStandInTheirGroupsWay) {
  const auto result = book.settle(release_group("g"));
  EXPECT_EQ(totals_text(result), "EUR 2 of 2000: 100 / 60 / 1840");
  EXPECT_EQ(result.skipped, (std::vector<ItemError>{{book.id("b"), "", ErrorCode::escrow_frozen}}));
  EXPECT_EQ(book.settle(refund_group("g")).skipped.size(), 1u);
}

TEST_F(Batches, OtherFailuresOfAGroupRejectIt) {
  book.accept(hold("tiny", "alice", "shop", 1, "g"));
  auto dear = plan("dear", "0.1", "0.1");
  std::get<DefineFeePlan>(dear.operation).commission.min = Amount(100);
  book.accept(dear);
  auto command = changed<Release>(release_group("g"), [](auto& op) { op.fee_plan = "dear"; });
  const auto error = book.reject(command);
  EXPECT_EQ(error.code, ErrorCode::fees_exceed_amount);
  EXPECT_EQ(error.counts, (std::vector<CodeCount>{{ErrorCode::fees_exceed_amount, 1}}));
  std::get<Release>(command.operation).mode = BatchMode::skip;
  const auto result = book.settle(command);
  EXPECT_EQ(totals_text(result), "EUR 2 of 2000: 200 / 200 / 1600");
  EXPECT_EQ(result.skipped_count.size(), 2u);
}

TEST_F(Batches, AGroupThatNobodyKnowsAnswersWithZeros) {
  EXPECT_TRUE(book.settle(release_group("new")).totals.empty());
  EXPECT_FALSE(book.recorded());
  book.settle(changed<Release>(release_group("new"), [](auto& op) { op.close = true; }));
  EXPECT_TRUE(book.recorded());
  EXPECT_TRUE(book.has_group("new", false));
  book.settle(changed<Refund>(refund_group("new"), [](auto& op) { op.close = true; }));
  EXPECT_FALSE(book.recorded());  // closed already
}

TEST_F(Batches, CurrenciesHaveTotalsOfTheirOwn) {
  book.accept(open("usd", AccountKind::user, currency("USD")));
  book.accept(open("usd:shop", AccountKind::beneficiary, currency("USD")));
  auto dollars = plan("usd:plan", "0.1", "0", currency("USD"));
  std::get<DefineFeePlan>(dollars.operation).commission.to = "usd:c";
  std::get<DefineFeePlan>(dollars.operation).processor_fee.to = "usd:f";
  book.accept(dollars);
  book.accept(deposit("u", "usd", 500));
  book.accept(hold("u1", "usd", "usd:shop", 500, "", "usd:plan"));
  EXPECT_EQ(totals_text(book.settle(release({"u1", "a", "d"}))),
            "EUR 2 of 2000: 100 / 60 / 1840, USD 1 of 500: 50 / 0 / 450");
}

TEST_F(Batches, TheFirstHundredOffendersAreListedAndAllCounted) {
  std::vector<std::string> names;
  for (int i = 0; i < 250; ++i) names.push_back(fmt::format("none:{}", i));
  const auto error = book.reject(release(names));
  EXPECT_EQ(error.items.size(), 100u);
  EXPECT_EQ(error.counts, (std::vector<CodeCount>{{ErrorCode::escrow_not_found, 250}}));
  const auto result = book.settle(skip_release(names));
  EXPECT_EQ(result.skipped.size(), 100u);
  EXPECT_EQ(result.skipped_count, error.counts);
}

TEST_F(Batches, ChunksFixTheirSetAtTheStart) {
  const auto command = changed<Release>(chunked<Release>("k", "g", 1), [](auto& op) { op.close = true; });
  book.settle(command);
  EXPECT_EQ(book.reject(hold("e", "alice", "shop", 1'000, "g")).code, ErrorCode::group_closed);
  book.accept(reopen_group("g"));
  book.accept(hold("e", "alice", "shop", 1'000, "g"));
  book.settle(command);
  const auto result = book.settle(command);
  EXPECT_TRUE(book.recorded());
  EXPECT_EQ(totals_text(result), "EUR 2 of 2000: 100 / 60 / 1840");
  EXPECT_EQ(result.skipped_count, (std::vector<CodeCount>{{ErrorCode::escrow_frozen, 1}}));
  book.settle(command);
  EXPECT_TRUE(book.replayed());
  EXPECT_EQ(book.escrow("e").locked().minor(), 1'000);
  EXPECT_TRUE(book.has_group("g", true));  // closed once, not with every chunk
}

TEST_F(Batches, ChunksOfNothing) {
  book.settle(chunked<Refund>("k", "nobody:knows", 10));
  EXPECT_TRUE(book.recorded());
  book.settle(chunked<Refund>("k", "nobody:knows", 10));
  EXPECT_TRUE(book.replayed());
}

TEST_F(Batches, ADryRunOfChunksAnswersForTheWholeSet) {
  const auto result = book.settle(dry(chunked<Refund>("k", "g", 1)));
  EXPECT_EQ(totals_text(result), "EUR 2 of 2000: 0 / 0 / 0");
  EXPECT_FALSE(book.recorded());
  book.settle(chunked<Refund>("k", "g", 1));
  EXPECT_EQ(totals_text(book.settle(dry(chunked<Refund>("k", "g", 1)))), "EUR 2 of 2000: 0 / 0 / 0");
}

TEST_F(Batches, AListAtItsLimit) {
  std::vector<EscrowId> ids;
  for (std::uint64_t i = 1; i <= kMaxListItems; ++i) ids.push_back(EscrowId(1'000'000 - i));
  ids[0] = ids[5'000] = book.id("a");
  const auto result = book.settle(batch<Release>(EscrowList(ids), BatchMode::skip));
  EXPECT_EQ(totals_text(result), "EUR 1 of 1000: 50 / 30 / 920");
  EXPECT_EQ(result.skipped_count, (std::vector<CodeCount>{{ErrorCode::escrow_not_found, kMaxListItems - 2},
                                                          {ErrorCode::duplicate_item, 1}}));
  ids.push_back(book.id("d"));
  EXPECT_EQ(book.reject(release_ids(ids)).code, ErrorCode::batch_too_large);
}

TEST_F(Batches, TheWorkspaceKeepsItsMemoryFromOneBatchToTheNext) {
  Workspace workspace;
  const auto items_of = [&](const Command& command) {
    const auto decision = execute(command, book.rows, {Seq(99), {}}, workspace);
    const auto& entry = *std::get<Accepted>(*decision).entry;
    return static_cast<const void*>(std::get<Released>(entry.body).items.data());
  };
  const auto* first = items_of(release({"a"}));
  (void)execute(open("in:between"), book.rows, {Seq(100), {}}, workspace);
  EXPECT_EQ(items_of(release({"d"})), first);
}

// A group of more than any limit, without the rows.
class HugeGroup final : public MapRows {
 public:
  explicit HugeGroup(const MapRows& rows) : MapRows(rows) {}
  void group_escrows(GroupId, EscrowId after, EscrowId, std::size_t limit,
                     std::vector<EscrowId>& out) const override {
    for (std::uint64_t i = 1; i <= limit; ++i) out.push_back(EscrowId(after.value() + i));
  }
};

TEST_F(Batches, AGroupBeyondOneEventIsToldOfChunks) {
  HugeGroup rows(book.rows);
  Workspace workspace;
  const auto decision = execute(release_group("g"), rows, {Seq(99), {}}, workspace);
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().code, ErrorCode::batch_too_large);
  EXPECT_NE(decision.error().message.find("\"chunk\""), std::string::npos);
}

TEST_F(Batches, ABatchThatIsNotAsExpectedSaysWhatItWouldDo) {
  const auto whole = release_group("g");
  const auto error = book.reject(expecting(whole, {paid(3, 3'000, 150, 90)}));
  EXPECT_EQ(error.code, ErrorCode::not_as_expected);
  EXPECT_EQ(
      error.message,
      "2 escrows of 20.00 EUR (commission 1.00, fee 0.60, net 18.40) would be released, not 3 escrows of "
      "30.00 EUR (commission 1.50, fee 0.90, net 27.60) as expected, so nothing was done; ask again with "
      "dry_run, and confirm what it answers");
  EXPECT_TRUE(book.reject(expecting(whole, {}))
                  .message.starts_with("2 escrows of 20.00 EUR (commission 1.00, fee 0.60, net 18.40) would "
                                       "be released, not nothing in EUR as expected"));
  EXPECT_TRUE(
      book.reject(expecting(whole, {paid(2, 2'000, 100, 60), paid(1, 50, 1, 1, currency("JPY"))}))
          .message.starts_with("nothing in JPY would be released, not 1 escrow of 50 JPY (commission 1"));
  EXPECT_TRUE(book.reject(expecting(refund({"a"}), {paid_back(1, 999)}))
                  .message.starts_with(
                      "1 escrow of 10.00 EUR would be refunded, not 1 escrow of 9.99 EUR as expected"));
  EXPECT_EQ(totals_text(book.settle(expecting(whole, {paid(2, 2'000, 100, 60)}))),
            "EUR 2 of 2000: 100 / 60 / 1840");
}

TEST_F(Batches, WhatCannotBeIsSaidBeforeWhatWasExpected) {
  EXPECT_EQ(book.reject(expecting(release({"a", "b"}), {paid(2, 2'000, 100, 60)})).code,
            ErrorCode::escrow_frozen);
  EXPECT_EQ(totals_text(book.settle(expecting(skip_release({"a", "b"}), {paid(1, 1'000, 50, 30)}))),
            "EUR 1 of 1000: 50 / 30 / 920");
}

}  // namespace
}  // namespace holdfast
