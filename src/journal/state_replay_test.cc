// Replay: the same state from the events alone, from any mix of chunks that a snapshot can have, and
// `corrupt` for what does not fit.
#include <gtest/gtest.h>

#include <functional>

#include "journal/testing/random_book.h"
#include "journal/testing/same_state.h"

namespace holdfast::journal {
namespace {

using testing::chunks_of;
using testing::expect_same;
using testing::kSecret;
using testing::RandomBook;

struct SavedChunk {
  Seq stamp;
  Bytes bytes;
};

Result<void> replay_after(State& state, const std::vector<Event>& events, Seq after) {
  for (const auto& event : events) {
    if (event.seq <= after) continue;
    if (auto done = state.replay(event); !done) return done;
  }
  return state.finish_load(events.back().seq, events.back().at);
}

void expect_good(const Result<void>& result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
}

TEST(Replay, the_events_alone_give_the_same_state) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    RandomBook book(seed);
    for (int i = 0; i < 300; ++i) book.step();
    State replayed(kSecret);
    expect_good(replay_after(replayed, book.events(), Seq()));
    expect_same(replayed, book.model());
    EXPECT_TRUE(chunks_of(replayed) == chunks_of(book.state()));
    EXPECT_EQ(replayed.applied(), book.state().applied());
    EXPECT_EQ(replayed.last_at(), book.state().last_at());
  }
}

/// Saves the chunks of a book in their order while it goes on: `between(i)` commands before chunk i.
std::vector<SavedChunk> save_while_it_goes_on(RandomBook& book,
                                              const std::function<std::size_t(std::size_t)>& between) {
  std::vector<SavedChunk> chunks;
  const std::size_t count = book.state().chunk_count();
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) {
      for (std::size_t n = between(i); n > 0; --n) book.step();
    }
    chunks.push_back({book.state().applied(), {}});
    book.state().save_chunk(i, chunks.back().bytes);
  }
  return chunks;
}

void expect_same_after_load(RandomBook& book, const std::vector<SavedChunk>& chunks) {
  State loaded(kSecret);
  for (const auto& chunk : chunks) expect_good(loaded.load_chunk(chunk.bytes, chunk.stamp));
  expect_good(replay_after(loaded, book.events(), chunks.front().stamp));
  expect_same(loaded, book.model());
  EXPECT_TRUE(chunks_of(loaded) == chunks_of(book.state()));
}

TEST(Replay, chunks_of_different_moments_come_together) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    RandomBook book(seed);
    for (int i = 0; i < 120; ++i) book.step();
    // Key shards are many: a command now and then among them, several between the others.
    const auto chunks = save_while_it_goes_on(
        book, [&](std::size_t i) { return i > 4'096 ? 10 + book.pick(30) : (book.pick(60) == 0 ? 1U : 0U); });
    for (int i = 0; i < 50; ++i) book.step();
    expect_same_after_load(book, chunks);
    if (HasFailure()) return;
  }
}

TEST(Replay, every_pair_of_neighbouring_chunks_may_have_events_between_them) {
  for (std::size_t place = 4'090; place <= 4'101; ++place) {
    SCOPED_TRACE(place);
    RandomBook book(place);
    for (int i = 0; i < 60; ++i) book.step();
    const auto chunks = save_while_it_goes_on(book, [&](std::size_t i) { return i == place ? 60U : 0U; });
    expect_same_after_load(book, chunks);
    if (HasFailure()) return;
  }
}

TEST(Replay, a_chunk_is_taken_once) {
  RandomBook book(1);
  Bytes bytes;
  book.state().save_chunk(0, bytes);
  State loaded(kSecret);
  expect_good(loaded.load_chunk(bytes, Seq(1)));
  EXPECT_FALSE(loaded.load_chunk(bytes, Seq(1)));
}

TEST(Replay, chunks_of_another_secret_are_refused) {
  RandomBook book(1);
  Bytes bytes;
  book.state().save_chunk(0, bytes);
  State other(HashSecret{9});
  EXPECT_FALSE(other.load_chunk(bytes, Seq(1)));
}

TEST(Replay, no_cut_or_changed_chunk_does_harm) {
  RandomBook book(2);
  for (int i = 0; i < 200; ++i) book.step();
  for (std::size_t index = 4'090; index < book.state().chunk_count(); ++index) {
    Bytes bytes;
    book.state().save_chunk(index, bytes);
    for (int i = 0; i < 60; ++i) {
      auto cut = bytes;
      cut.resize(book.pick(bytes.size()));
      State state(kSecret);
      // What happens to be whole at the cut loads; the rest is refused. Nothing else is promised.
      (void)state.load_chunk(cut, Seq(1));
      auto changed = bytes;
      changed[book.pick(bytes.size())] ^= static_cast<std::byte>(1 + book.pick(255));
      State other(kSecret);
      if (other.load_chunk(changed, Seq(1))) (void)other.finish_load(Seq(1), {});
    }
  }
}

/// A small book to which one event that does not fit is added.
class BadEvent : public ::testing::Test {
 protected:
  void SetUp() override {
    const Currency eur = Currency::parse("EUR").value();
    add(AccountOpened{AccountId(1), "external:EUR", eur, AccountKind::external});
    add(AccountOpened{AccountId(2), "payer", eur, AccountKind::user});
    add(AccountOpened{AccountId(3), "shop", eur, AccountKind::beneficiary});
    add(AccountOpened{AccountId(4), "yen", Currency::parse("JPY").value(), AccountKind::user});
    add(plan_of("plan", 1));
    add(Moved{Moved::Kind::deposit, AccountId(1), AccountId(2), eur, Amount(1'000), {}});
    add(held(10, 400), "first");
  }
  FeePlanDefined plan_of(std::string name, std::uint32_t version) {
    FeePlanDefined plan;
    plan.plan = PlanId(1);
    plan.name = std::move(name);
    plan.version = version;
    plan.currency = Currency::parse("EUR").value();
    plan.commission_account = AccountId(3);
    plan.fee_account = AccountId(3);
    return plan;
  }
  Held held(std::uint64_t id, std::int64_t amount) {
    Held held;
    held.escrow = EscrowId(id);
    held.payer = AccountId(2);
    held.beneficiary = AccountId(3);
    held.plan = PlanId(1);
    held.currency = Currency::parse("EUR").value();
    held.amount = Amount(amount);
    return held;
  }
  Released released(std::int64_t amount, std::int64_t commission) {
    Released released;
    released.plans = {{PlanId(1), Currency::parse("EUR").value(), AccountId(3), AccountId(3)}};
    released.items = {
        {EscrowId(10), AccountId(2), AccountId(3), 0, Amount(amount), Amount(commission), Amount()}};
    return released;
  }
  Event event(Body body, std::string key = {}) {
    Event event;
    event.seq = state_.applied().next();
    event.at = Timestamp{7};
    event.entry.key = std::move(key);
    event.entry.body = std::move(body);
    return event;
  }
  void add(Body body, std::string key = {}) {
    expect_good(state_.replay(event(std::move(body), std::move(key))));
  }
  void expect_corrupt(Body body, std::string_view says, std::string key = {}) {
    const auto result = state_.replay(event(std::move(body), std::move(key)));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::corrupt);
    EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
  }
  State state_{kSecret};
};

TEST_F(BadEvent, unknown_accounts_and_escrows) {
  const Currency eur = Currency::parse("EUR").value();
  expect_corrupt(AccountClosed{AccountId(99)}, "account 99 is not there");
  expect_corrupt(Moved{Moved::Kind::transfer, AccountId(2), AccountId(0), eur, Amount(1), {}}, "account 0");
  expect_corrupt(Frozen{EscrowId(11), AccountId(2)}, "escrow 11 is not there");
  expect_corrupt(Rescheduled{EscrowId(~std::uint64_t{0}), AccountId(2), {}, {}}, "is not there");
  expect_corrupt(GroupClosed{{GroupId(4), ""}}, "group 4 is not there");
}

TEST_F(BadEvent, buckets_below_zero_and_amounts_out_of_range) {
  const Currency eur = Currency::parse("EUR").value();
  expect_corrupt(Moved{Moved::Kind::transfer, AccountId(2), AccountId(3), eur, Amount(601), {}},
                 "below zero");
  expect_corrupt(Moved{Moved::Kind::transfer, AccountId(2), AccountId(3), eur, Amount(-1), {}}, "2^53");
  expect_corrupt(Moved{Moved::Kind::transfer, AccountId(2), AccountId(3), eur, Amount(INT64_MIN), {}},
                 "2^53");
  expect_corrupt(Moved{Moved::Kind::transfer, AccountId(2), AccountId(4), eur, Amount(1), {}}, "currency");
  expect_corrupt(held(11, 601), "below zero");
}

TEST_F(BadEvent, an_escrow_number_twice_or_out_of_range) {
  expect_corrupt(held(10, 1), "held twice");
  expect_corrupt(held(0, 1), "out of range");
  expect_corrupt(held(std::uint64_t{1} << 32, 1), "out of range");
}

TEST_F(BadEvent, escrow_numbers_that_do_not_grow_are_none) {
  for (const std::uint64_t id : {14, 9, 13, 1, 11}) add(held(id, 10));
  expect_corrupt(held(9, 1), "held twice");
  auto plan = plan_of("other", 1);
  plan.plan = PlanId(5);
  add(plan);
  plan = plan_of("other", 2);
  plan.plan = PlanId(3);
  add(plan);
  std::vector<Bytes> chunks;
  for (std::size_t i = 0; i < state_.chunk_count(); ++i) state_.save_chunk(i, chunks.emplace_back());
  State loaded(kSecret);
  for (const auto& chunk : chunks) expect_good(loaded.load_chunk(chunk, state_.applied()));
  for (auto* state : {&state_, &loaded}) {
    expect_good(state->finish_load(state_.applied(), Timestamp{7}));
    const std::vector<EscrowId> ids{EscrowId(1),  EscrowId(9),  EscrowId(10),
                                    EscrowId(11), EscrowId(13), EscrowId(14)};
    EXPECT_EQ(testing::whole_list(*state, ListKind::all, 0), ids);
    EXPECT_EQ(testing::whole_list(*state, ListKind::payer, 2), ids);
    EXPECT_EQ(testing::whole_list(*state, ListKind::beneficiary, 3), ids);
    EXPECT_EQ(state->next_escrow_id(), EscrowId(15));
    EXPECT_EQ(state->find_latest_plan("other"), PlanId(3));
    EXPECT_EQ(state->next_plan_id(), PlanId(6));
  }
}

TEST_F(BadEvent, more_released_than_was_locked) {
  expect_corrupt(released(401, 0), "below zero");
}
TEST_F(BadEvent, fees_above_the_amount) {
  expect_corrupt(released(100, 101), "fees");
}
TEST_F(BadEvent, a_plan_that_is_not_listed) {
  auto body = released(1, 0);
  body.items[0].plan_use = 1;
  expect_corrupt(body, "fees that do not fit");
}
TEST_F(BadEvent, an_escrow_of_another_payer) {
  add(Moved{
      Moved::Kind::transfer, AccountId(2), AccountId(3), Currency::parse("EUR").value(), Amount(100), {}});
  auto mine = held(11, 50);
  mine.payer = AccountId(3);
  add(mine);
  auto body = released(10, 0);
  body.items[0].payer = AccountId(3);
  expect_corrupt(body, "of other accounts");
}
TEST_F(BadEvent, frozen_ones_are_not_released) {
  add(Frozen{EscrowId(10), AccountId(2)});
  expect_corrupt(released(1, 0), "is frozen");
  expect_corrupt(Frozen{EscrowId(10), AccountId(2)}, "is frozen only while it is locked");
}
TEST_F(BadEvent, names_and_keys_twice) {
  const Currency eur = Currency::parse("EUR").value();
  expect_corrupt(AccountOpened{AccountId(2), "again", eur, AccountKind::user}, "opened twice");
  expect_corrupt(AccountOpened{AccountId(9), "", eur, AccountKind::user}, "without");
  expect_corrupt(Unchanged{}, "had taken effect before", "first");
  add(AccountOpened{AccountId(9), "payer", eur, AccountKind::user});
  const auto finished = state_.finish_load(Seq(9), {});
  ASSERT_FALSE(finished.has_value());
  EXPECT_NE(finished.error().message.find("name that another has"), std::string::npos);
}
TEST_F(BadEvent, an_event_out_of_order) {
  Event event = this->event(Unchanged{});
  event.seq = Seq(3);
  EXPECT_FALSE(state_.replay(event));
  event = this->event(Unchanged{});
  event.at = Timestamp{6};
  EXPECT_FALSE(state_.replay(event));
}

}  // namespace
}  // namespace holdfast::journal
