// State against a naive model that shares no code with it, under random commands; undo; lists; dates.
#include "journal/state.h"

#include <gtest/gtest.h>

#include <set>

#include "journal/testing/random_book.h"
#include "journal/testing/same_state.h"

namespace holdfast::journal {
namespace {

using testing::chunks_of;
using testing::expect_same;
using testing::kSecret;
using testing::RandomBook;

TEST(State, random_commands_lead_to_the_same_as_plain_maps) {
  std::set<std::size_t> kinds;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    RandomBook book(seed);
    for (int i = 0; i < 400; ++i) {
      book.step();
      if (i % 100 == 99) expect_same(book.state(), book.model());
      if (HasFailure()) return;
    }
    for (const auto& event : book.events()) {
      kinds.insert(event.entry.body.index());
      for_each_effect(event.entry, [&](const Entry& entry) { kinds.insert(entry.body.index()); });
    }
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Body>) << "every kind of event was made";
}

TEST(State, a_dry_run_leaves_every_byte_as_it_was) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    RandomBook book(seed);
    for (int i = 0; i < 150; ++i) book.step();
    const auto before = chunks_of(book.state());
    for (int i = 0; i < 300; ++i) book.step_undone();
    EXPECT_TRUE(before == chunks_of(book.state()));
    expect_same(book.state(), book.model());
    for (int i = 0; i < 50; ++i) book.step();  // and the ledger goes on as if nothing had been
    expect_same(book.state(), book.model());
  }
}

TEST(State, nested_undo_takes_back_the_inner_and_keeps_the_outer) {
  for (std::uint64_t seed = 100; seed < 108; ++seed) {
    SCOPED_TRACE(seed);
    RandomBook book(seed);
    for (int i = 0; i < 100; ++i) book.step();
    State& state = book.state();
    const auto before = chunks_of(state);
    const Seq applied = state.applied();
    const auto model = book.model();
    state.begin();
    for (int i = 0; i < 20; ++i) book.step();
    state.begin();
    for (int i = 0; i < 20; ++i) book.step();
    state.commit();
    state.begin();
    for (int i = 0; i < 20; ++i) book.step();
    state.rollback();
    state.rollback();
    state.set_applied(applied, Timestamp{2'000'000});
    EXPECT_TRUE(before == chunks_of(state));
    expect_same(state, model);
  }
}

/// A book whose escrows have the numbers given, all of one payer, every second one in the group.
class Gaps : public ::testing::Test {
 protected:
  void SetUp() override {
    const Currency eur = Currency::parse("EUR").value();
    apply(AccountOpened{AccountId(1), "external:EUR", eur, AccountKind::external});
    apply(AccountOpened{AccountId(9), "payer", eur, AccountKind::user});
    apply(AccountOpened{AccountId(7), "shop", eur, AccountKind::beneficiary});
    FeePlanDefined plan;
    plan.plan = PlanId(3);
    plan.name = "plan";
    plan.version = 1;
    plan.currency = eur;
    plan.commission_account = AccountId(7);
    plan.fee_account = AccountId(7);
    apply(plan);
    apply(Moved{Moved::Kind::deposit, AccountId(1), AccountId(9), eur, Amount(1'000'000), {}});
    bool group = false;
    for (auto id : ids_) {
      Held held;
      held.escrow = EscrowId(id);
      held.payer = AccountId(9);
      held.beneficiary = AccountId(7);
      held.plan = PlanId(3);
      held.currency = eur;
      held.amount = Amount(100);
      if (group) held.group = {GroupId(5), in_group_.empty() ? "group" : ""};
      if (group) in_group_.emplace_back(id);
      group = !group;
      apply(held);
    }
  }
  void apply(Body body) {
    Entry entry;
    entry.body = std::move(body);
    const Seq seq = state_.applied().next();
    state_.apply(entry, seq, {});
    state_.set_applied(seq, {});
  }

  const std::vector<std::uint64_t> ids_ = {2, 3, 7, 40'000, 40'001, 40'002, 100'000, 100'001, 300'000};
  std::vector<EscrowId> in_group_;
  State state_{kSecret};
};

TEST_F(Gaps, all_escrows_are_found_across_the_gaps) {
  std::vector<EscrowId> expected;
  for (auto id : ids_) expected.emplace_back(id);
  EXPECT_EQ(testing::whole_list(state_, ListKind::payer, 9), expected);
  EXPECT_EQ(state_.list(ListKind::all, 0, {}, EscrowId(), 100, 1'000'000).ids, expected);
  EXPECT_EQ(state_.escrow(EscrowId(5)), nullptr);
  EXPECT_EQ(state_.escrow(EscrowId(200'000)), nullptr);
  EXPECT_EQ(state_.escrow(EscrowId(1) /* never given */), nullptr);
  EXPECT_EQ(state_.escrow(EscrowId(std::uint64_t{1} << 40)), nullptr);
  EXPECT_EQ(state_.account(AccountId(8)), nullptr);
  EXPECT_EQ(state_.plan(PlanId(2)), nullptr);
  EXPECT_EQ(state_.next_escrow_id(), EscrowId(300'001));
}

TEST_F(Gaps, many_at_once_gives_nothing_for_ids_that_are_not_there) {
  const std::vector<EscrowId> ids = {EscrowId(2), EscrowId(5), EscrowId(300'000), EscrowId(~std::uint64_t{0}),
                                     EscrowId(0)};
  std::vector<const EscrowRow*> rows(ids.size());
  state_.escrows(ids, rows);
  EXPECT_EQ(rows[0], state_.escrow(EscrowId(2)));
  EXPECT_EQ(rows[1], nullptr);
  EXPECT_EQ(rows[2], state_.escrow(EscrowId(300'000)));
  EXPECT_EQ(rows[3], nullptr);
  EXPECT_EQ(rows[4], nullptr);
}

TEST_F(Gaps, any_cursor_goes_on_with_the_next_member) {
  for (std::uint64_t after :
       {0, 1, 2, 3, 4, 6, 7, 39'999, 40'000, 40'001, 99'999, 100'001, 299'999, 300'000, 400'000}) {
    std::vector<EscrowId> expected;
    for (auto id : in_group_) {
      if (id.value() > after) expected.push_back(id);
    }
    std::vector<EscrowId> got;
    std::optional<EscrowId> next = EscrowId(after);
    while (next) {
      const auto page = state_.list(ListKind::group, 5, {}, *next, 10, 50'000);
      got.insert(got.end(), page.ids.begin(), page.ids.end());
      if (page.next) {
        ASSERT_GT(*page.next, *next);
      }
      next = page.next;
    }
    EXPECT_EQ(got, expected) << after;
    std::vector<EscrowId> live;
    state_.group_escrows(GroupId(5), EscrowId(after), EscrowId(100'001), 100, live);
    std::erase_if(expected, [](EscrowId id) { return id.value() > 100'001; });
    EXPECT_EQ(live, expected) << after;
  }
}

TEST_F(Gaps, a_page_looks_at_no_more_than_its_work) {
  const auto page = state_.list(ListKind::group, 5, {}, EscrowId(40'003), 10, 100);
  EXPECT_TRUE(page.ids.empty());
  EXPECT_EQ(page.next, EscrowId(40'103));
  const auto none = state_.list(ListKind::payer, 9, EscrowStatus::refunded, EscrowId(), 10, 4);
  EXPECT_TRUE(none.ids.empty());
  EXPECT_EQ(none.next, EscrowId(40'000));
}

TEST_F(Gaps, unknown_owners_have_empty_lists) {
  EXPECT_TRUE(state_.list(ListKind::group, 77, {}, EscrowId(), 10, 10).ids.empty());
  EXPECT_EQ(state_.list(ListKind::payer, 77, {}, EscrowId(), 10, 10).next, std::nullopt);
  std::vector<EscrowId> live;
  state_.group_escrows(GroupId(77), EscrowId(), EscrowId(1'000'000), 10, live);
  EXPECT_TRUE(live.empty());
}

TEST_F(Gaps, names_come_in_order_from_any_place) {
  EXPECT_EQ(state_.accounts_by_name("", 2), (std::vector{AccountId(1), AccountId(9)}));
  EXPECT_EQ(state_.accounts_by_name("payer", 5), std::vector{AccountId(7)});
  EXPECT_EQ(state_.accounts_by_name("p", 1), std::vector{AccountId(9)});
  EXPECT_TRUE(state_.accounts_by_name("shop", 5).empty());
  EXPECT_EQ(state_.groups_by_name("", 5), std::vector{GroupId(5)});
}

TEST_F(Gaps, memory_is_counted) {
  EXPECT_GT(state_.memory_bytes(), std::uint64_t{4} * (2 << 20));
}

}  // namespace
}  // namespace holdfast::journal
