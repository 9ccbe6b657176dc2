// The audit of a ledger in PostgreSQL: what it accepts, and that it finds whatever was changed behind it.
#include <gtest/gtest.h>

#include "tests/support/filled_ledger.h"

namespace holdfast::postgres {
namespace {

using namespace testing;  // NOLINT: commands in one line each

class AuditTest : public FilledLedger {};

TEST_F(AuditTest, CoversReplaysAndChunks) {
  fill();
  accept(atomic({with_key(transfer("t1", "ann", "bob", 100), "t1"), deposit("d1", "ann", 100'000)}));
  accept(atomic({transfer("t1", "ann", "bob", 100), transfer("t2", "ann", "bob", 100)}));
  for (bool more = true; more;) {
    const auto answer = run(chunked<Release>("c1", "spring", 3));
    ASSERT_TRUE(answer) << answer.error().message;
    more = answer->more;
  }
  expect_ok();
  seal_all();
  expect_ok();
  accept(atomic({transfer("t2", "ann", "bob", 100), transfer("t3", "ann", "bob", 100)}));
  expect_ok();
}

// Numbers are drawn before it is known when their event will be committed.
TEST_F(AuditTest, AcceptsNumbersThatDoNotGrow) {
  fill();
  const auto caller = session_to(url_);
  ASSERT_TRUE(caller->run(std::array{Statement{"begin"}}));
  Attempt inside(*caller, ledger_, plans_, workspace_);
  const auto early = hold("early", "ann", "bob", 100);
  const auto* one = &early;
  ASSERT_TRUE(inside.run_inside(std::span(&one, 1)));
  accept(deposit("d2", "bob", 1'000));
  accept(hold("late", "bob", "ann", 100));
  seal_all();
  ASSERT_TRUE(caller->run(std::array{Statement{"commit"}}));
  expect_ok();
  seal_all();
  expect_ok();
}

struct Tampering {
  const char* sql;
  const char* law;
  const char* words;
};
class TamperingTest : public FilledLedger, public ::testing::WithParamInterface<Tampering> {};

TEST_P(TamperingTest, IsFoundAndNamed) {
  fill();
  settle();
  accept(reschedule("e4", Timestamp{2'000'000}));
  accept(atomic({deposit("d1", "ann", 100'000), transfer("t1", "ann", "bob", 100)}));
  seal_all();
  accept(transfer("t2", "ann", "bob", 100));
  expect_ok();
  change(GetParam().sql);
  expect_found(GetParam().law, GetParam().words);
}

constexpr Tampering kTamperings[] = {
    {"update holdfast.ledgers set seq = seq - 1", "durable", "the ledger ends at event 13"},
    {"update holdfast.ledgers set hash = sha256('x')", "history", "the ledger's head is"},
    {"update holdfast.ledgers set at = at + interval '1 s'", "history", "the ledger ends at"},
    {"update holdfast.accounts set left_by_debit = left_by_debit + 1000000 where name = 'ann'", "exact",
     "account ann"},
    {"update holdfast.accounts set open = false where name = 'bob'", "history", "being open of bob"},
    {"update holdfast.accounts set name = 'bo' where name = 'bob'", "history", "the name of bob is bo"},
    {"update holdfast.accounts set currency = 'USD' where name = 'bob'", "conservation", "USD"},
    {"update holdfast.accounts set currency = 'QQQ' where name = 'bob'", "history", "knows no currency QQQ"},
    {"update holdfast.accounts set kind = 1 where name = 'external:EUR'", "history",
     "the kind of external:EUR"},
    {"delete from holdfast.accounts where name = 'bob'", "durable",
     "account bob was opened, but is not there"},
    {"insert into holdfast.accounts (ledger, account, name, currency, kind) values (1, 99, 'eve', 'EUR', 1)",
     "durable", "account number 99"},
    {"update holdfast.fee_plan_versions set commission_rate = 1", "history", "fee plan standard version 1"},
    {"update holdfast.fee_plans set latest = 7", "history", "the latest version of standard"},
    {"delete from holdfast.fee_plan_versions", "durable", "fee plan standard version 1"},
    {"update holdfast.groups set open = false", "history", "being open of spring"},
    {"insert into holdfast.groups (ledger, \"group\", name) values (1, 9, 'g9')", "durable", "a group g9"},
    {"update holdfast.escrows set released = 9000, refunded = 1000, commission = 0, processor_fee = 0 where "
     "escrow = 1",
     "history", "escrow 1 is"},
    {"update holdfast.escrows set refunded = 10000 where escrow = 4", "history", "escrow 4 is"},
    {"update holdfast.escrows set payer = beneficiary where escrow = 4", "history", "escrow 4 is"},
    {"update holdfast.escrows set held_by = 1 where escrow = 4", "history", "escrow 4 was held by"},
    {"update holdfast.escrows set last_event = 1 where escrow = 4", "history",
     "escrow 4 was last touched by"},
    {"update holdfast.escrows set key = 'x' where escrow = 4", "once", "escrow 4 has the key x"},
    {"update holdfast.escrows set release_at = now() where escrow = 4", "history", "escrow 4"},
    {"delete from holdfast.escrows where escrow = 4", "durable", "escrow 4 was held, but is not there"},
    {"update holdfast.due_dates set at = now()", "history", "escrow 4 is not as it should be"},
    {"delete from holdfast.due_dates", "history", "escrow 4 is not among"},
    {"update holdfast.escrow_events set event = 1", "history", "the events kept of escrow 3"},
    {"delete from holdfast.escrow_events", "history", "the events kept of escrow 3"},
    {"update holdfast.keys set event = 1 where key = 'e4'", "once", "key e4 leads to the event with id 1"},
    {"update holdfast.keys set escrow = 1 where key = 'e4'", "once", "key e4"},
    {"update holdfast.keys set escrow = 1 where key = 'd1'", "once", "key d1 leads to escrow 1"},
    {"update holdfast.keys set key = 'x' where key = 'd1'", "once", "key d1"},
    {"insert into holdfast.keys (ledger, key, event) values (1, 'x', 1)", "once", "key x is kept"},
    {"insert into holdfast.later_chunks (ledger, key, event) values (1, 'x', 1)", "once", "a later chunk"},
    {"update holdfast.events set at = at + interval '1 h' where event = 5", "history", "event 5 is of"},
    {"update holdfast.events set op = 'refund' where event = 5", "history", "event 5 has op \"refund\""},
    {"update holdfast.events set actor = 'x' where event = 5", "history", "event 5 has actor \"x\""},
    {"update holdfast.events set reason = 'x' where event = 5", "history", "event 5 has reason \"x\""},
    {"update holdfast.events set reference = 'order-2' where reference = 'order-1'", "history", "reference"},
    {"update holdfast.events set replays = not replays where event = 5", "history",
     "event 5 has replays \"true\""},
    {"update holdfast.events set entry = set_byte(entry, length(entry) - 1, get_byte(entry, length(entry) - "
     "1) # 1) "
     "where event = 5",
     "history", "event 5"},
    {"update holdfast.events set entry = 'x' where event = 5", "history", "event 5 cannot be read"},
    {"update holdfast.events set entry = (select entry from holdfast.events where event = 6) where event = 5",
     "history", "after event 5 the chain is"},
    {"delete from holdfast.events where event = 5", "history", "event 5 is not there"},
    {"update holdfast.seals set hash = sha256('x') where seq = 5", "history", "after event 5 the chain is"},
    {"update holdfast.seals set at = at - interval '1 s' where seq = 5", "history", "event 5"},
    {"update holdfast.seals set event = 999 where seq = 5", "history", "event 5 is not there"},
    {"delete from holdfast.seals where seq = 5", "serial", "event 6 comes after event 4"},
    {"delete from holdfast.seals where seq = 14", "durable", "the ledger ends at event 14"},
    {"update holdfast.replaying_entries set entry = 'x'", "history", "event 14 has two entries that differ"},
    {"delete from holdfast.replaying_entries", "history", "event 14 has no entry in which replays"},
    {"update holdfast.lines set available = available + 1 where seq = 4", "history",
     "after event 4 the statement of"},
    {"update holdfast.lines set available_after = available_after + 1 where seq = 14", "history",
     "after event 14"},
    {"update holdfast.lines set available_escrows = 7 where seq = 4", "history", "the statement of account"},
    {"delete from holdfast.lines where seq = 14", "history", "the statement of account"},
    {"update holdfast.pending set available = available + 1", "history", "are pending for account"},
    {"delete from holdfast.pending", "history", "nothing is pending for account ann"},
    {"delete from holdfast.unsealed", "durable", "is not sealed, and does not wait to be"},
    {"insert into holdfast.unsealed (ledger, event) values (1, 5)", "durable", "is sealed, and waits to be"},
    {"insert into holdfast.unsealed (ledger, event) values (1, 999)", "durable",
     "waits to be sealed, but is not there"},
};
INSTANTIATE_TEST_SUITE_P(Each, TamperingTest, ::testing::ValuesIn(kTamperings));

}  // namespace
}  // namespace holdfast::postgres
