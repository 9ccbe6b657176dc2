// Queries and views over a ledger that was filled with commands, before and after it is sealed.
#include "postgres/queries.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>

#include "ledger/testing/commands.h"
#include "postgres/libpq_session.h"
#include "postgres/schema.h"
#include "postgres/sealer.h"
#include "tests/support/postgres_server.h"

namespace holdfast::postgres {
namespace {

using namespace holdfast::testing;  // NOLINT: commands in one line each

std::unique_ptr<Session> session_to(const std::string& url) {
  auto made = connect(url);
  EXPECT_TRUE(made) << made.error().message;
  return made ? std::move(*made) : nullptr;
}

class QueriesTest : public ::testing::Test {
 protected:
  QueriesTest() {
    EXPECT_TRUE(migrate(*session_));
    ledger_ = {integer("select holdfast.create_ledger('main')"), "main"};
  }

  std::expected<ResultSets, SqlError> sql(std::string_view text) {
    return session_->run(std::array{Statement{text}});
  }
  std::int64_t integer(std::string_view text) {
    const auto results = sql(text);
    EXPECT_TRUE(results) << text << ": " << results.error().message;
    return results ? results->front()->integer(0, 0) : -1;
  }
  /// One value a row, in a line.
  std::string texts(std::string_view text) {
    const auto results = sql(text);
    EXPECT_TRUE(results) << text << ": " << results.error().message;
    std::string line;
    for (std::size_t i = 0; results && i < results->front()->rows(); ++i) {
      line += (i == 0 ? "" : " | ") + std::string(results->front()->text(i, 0));
    }
    return line;
  }
  void change(std::string_view text) {
    const auto results = sql(text);
    ASSERT_TRUE(results) << text << ": " << results.error().message;
    ASSERT_GT(results->front()->changed(), 0U) << text;
  }

  Result<StoreAnswer> run(const Command& command) {
    Attempt attempt(*session_, ledger_, plans_, workspace_);
    const auto* one = &command;
    auto outcome = attempt.run(std::span(&one, 1), std::chrono::milliseconds(5'000));
    if (!outcome) return std::unexpected(to_error(outcome.error()));
    return std::move(outcome->answers.front());
  }
  void accept(const Command& command) {
    const auto answer = run(command);
    ASSERT_TRUE(answer) << answer.error().message;
  }
  void accept(const std::vector<Command>& commands) {
    for (const auto& command : commands) accept(command);
  }
  void seal_all() {
    while (true) {
      const auto sealed = seal(*session_, ledger_);
      ASSERT_TRUE(sealed) << sealed.error().message;
      if (sealed->events == 0) return;
    }
  }

  /// Accounts, a plan of 5 % and 3 %, 1,000.00 for ann, and escrows e1 to e4 of 100.00.
  void fill() {
    accept({open("ann"), open("bob", AccountKind::beneficiary), plan("standard", "0.05", "0.03"),
            deposit("d1", "ann", 100'000)});
    for (const auto* key : {"e1", "e2", "e3", "e4"}) accept(hold(key, "ann", "bob", 10'000, "spring"));
  }
  /// e1 released, e2 refunded, e3 half released and then frozen, e4 locked.
  void settle() {
    auto with_reference = release({"e1"});
    with_reference.options.reference = "order-1";
    accept({with_reference, refund({"e2"}), release_part("p1", "e3", 5'000), freeze("e3")});
  }

  Queries queries() { return {*session_, ledger_}; }
  template <class Answer>
  auto answered(Answer answer) {
    EXPECT_TRUE(answer) << answer.error().message;
    if (!answer) return typename Answer::value_type();
    return std::move(*answer);
  }

  void expect_ok() {
    const auto report = queries().audit({}, {});
    ASSERT_TRUE(report) << report.error().message;
    for (const auto& check : report->checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
    EXPECT_TRUE(report->ok);
  }
  /// The audit finds something against the law, and names it so.
  void expect_found(std::string_view law, std::string_view words) {
    const auto report = queries().audit({}, {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_FALSE(report->ok);
    for (const auto& check : report->checks) {
      if (check.law != law) continue;
      EXPECT_FALSE(check.ok);
      EXPECT_NE(check.detail.find(words), std::string::npos) << law << ": " << check.detail;
    }
  }

  const std::string url_ = shared_postgres().new_database();
  std::unique_ptr<Session> session_ = session_to(url_);
  LedgerRef ledger_;
  PlanCache plans_;
  Workspace workspace_;
};

std::string described(const AccountView& view) {
  return view.account + " " + std::to_string(view.available.minor()) + "+" +
         std::to_string(view.held.minor());
}
std::string described(const StatementLine& line) {
  return std::to_string(line.seq.value()) + " " + line.op + " " + std::string(to_string(line.bucket)) + " " +
         std::to_string(line.amount.minor()) + " =" + std::to_string(line.balance.minor()) + " of " +
         std::to_string(line.escrows);
}
std::string described(const EscrowHistoryLine& line) {
  return std::to_string(line.seq.value()) + " " + line.op + " " + std::to_string(line.amount.minor()) + " (" +
         std::to_string(line.commission.minor()) + "," + std::to_string(line.processor_fee.minor()) + "," +
         std::to_string(line.net.minor()) + ")";
}
template <class Rows>
std::string described(const Rows& rows) {
  std::string all;
  for (const auto& row : rows) all += (all.empty() ? "" : " | ") + described(row);
  return all;
}

constexpr std::string_view kBalancesOfView =
    "select account || ' ' || available || '+' || held from holdfast.account_balances where ledger = 'main' "
    "order by account";
constexpr std::string_view kBalances =
    "ann 70000+15000 | bob 13800+0 | external:EUR -100000+0 | platform:commission 750+0 | processor:fees "
    "450+0";
constexpr std::string_view kEscrowsOfView =
    "select concat_ws(' ', escrow, key, payer, beneficiary, \"group\", currency, amount, released, refunded, "
    "locked, "
    "status, fee_plan, fee_plan_version, commission, processor_fee, net, closed_at is null, held_at is null) "
    "from holdfast.escrow_status order by escrow";
constexpr std::string_view kEscrows =
    "1 e1 ann bob spring EUR 10000 10000 0 0 RELEASED standard 1 500 300 9200 f f | "
    "2 e2 ann bob spring EUR 10000 0 10000 0 REFUNDED standard 1 0 0 0 f f | "
    "3 e3 ann bob spring EUR 10000 5000 0 5000 FROZEN standard 1 250 150 4600 t f | "
    "4 e4 ann bob spring EUR 10000 0 0 10000 LOCKED standard 1 0 0 0 t f";

TEST_F(QueriesTest, BalancesAndEscrowsAreTheSameSealedOrNot) {
  fill();
  settle();
  for (const bool sealed : {false, true}) {
    SCOPED_TRACE(sealed);
    if (sealed) seal_all();
    EXPECT_EQ(described(answered(queries().accounts("", 10)).rows), kBalances);
    EXPECT_EQ(texts(kBalancesOfView), kBalances);
    EXPECT_EQ(texts(kEscrowsOfView), kEscrows);
    const auto account = answered(queries().account("ann"));
    EXPECT_EQ(described(account), "ann 70000+15000");
    EXPECT_EQ(account.kind, AccountKind::user);
    EXPECT_TRUE(account.open);

    const auto escrow = answered(queries().escrow({{}, "e3"}));
    EXPECT_EQ(escrow.escrow, EscrowId(3));
    EXPECT_EQ(escrow.status, EscrowStatus::frozen);
    EXPECT_EQ(escrow.net, Amount(4'600));
    EXPECT_EQ(escrow.group, "spring");
    EXPECT_FALSE(escrow.closed_at);
    EXPECT_TRUE(answered(queries().escrow({EscrowId(1), {}})).closed_at);

    const auto trial = answered(queries().trial_balance());
    ASSERT_EQ(trial.size(), 1U);
    EXPECT_EQ(trial[0].available, Amount(83'800));
    EXPECT_EQ(trial[0].held, Amount(15'000));
    EXPECT_EQ(trial[0].external, Amount(-100'000));
    EXPECT_EQ(trial[0].commission, Amount(750));
    EXPECT_EQ(trial[0].processor_fee, Amount(450));
    EXPECT_EQ(trial[0].sum, Amount());

    const auto group = answered(queries().group("spring"));
    EXPECT_EQ(group.escrows, 4U);
    EXPECT_EQ(group.live, 2U);
    EXPECT_EQ(answered(queries().groups("", 5)).rows.size(), 1U);
    EXPECT_EQ(answered(queries().fee_plans()).size(), 1U);
    expect_ok();
  }
  const auto status = answered(queries().status());
  EXPECT_EQ(status.seq, Seq(12));
  EXPECT_EQ(status.escrows, 4U);
  EXPECT_EQ(status.accounts, 5U);
}

TEST_F(QueriesTest, StatementsShowWhatIsSealed) {
  fill();
  settle();
  EXPECT_TRUE(answered(queries().statement({"ann", {}, 100})).rows.empty());
  EXPECT_EQ(texts("select count(*)::text from holdfast.postings"), "0");
  seal_all();
  const auto page = answered(queries().statement({"ann", Seq(7), 100}));
  EXPECT_EQ(described(page.rows),
            "8 hold available -10000 =60000 of 1 | 8 hold held 10000 =40000 of 1 | 9 release held -10000 "
            "=30000 of 1 | "
            "10 refund available 10000 =70000 of 1 | 10 refund held -10000 =20000 of 1 | "
            "11 release held -5000 =15000 of 1");
  EXPECT_EQ(page.rows[2].reference, "order-1");
  EXPECT_FALSE(page.next);
  EXPECT_EQ(texts("select concat_ws(' ', seq, op, bucket, amount, '=' || balance, 'of', escrows) "
                  "from holdfast.statement where account = 'ann' and seq > 7 order by seq, bucket"),
            described(page.rows));
  EXPECT_EQ(
      texts("select seq || ' ' || sum(amount) from holdfast.postings group by seq having sum(amount) <> 0"),
      "");

  // A page ends between events: with room for one line, both of the event come.
  const auto one = answered(queries().statement({"ann", Seq(7), 1}));
  EXPECT_EQ(one.rows.size(), 2U);
  EXPECT_EQ(one.next, Seq(8));
  const auto last = answered(queries().statement({"ann", Seq(10), 1}));
  EXPECT_EQ(last.rows.size(), 1U);
  EXPECT_FALSE(last.next);
}

TEST_F(QueriesTest, PagesOfEscrowsGoOnWhereTheyStopped) {
  fill();
  settle();
  const auto ids = [](const EscrowPage& page) {
    std::string text;
    for (const auto& row : page.rows) text += std::to_string(row.escrow.value()) + " ";
    return text + (page.next ? "> " + std::to_string(page.next->value()) : ".");
  };
  const auto page = [&](const auto& change) {
    EscrowFilter filter;
    change(filter);
    return ids(answered(queries().escrows(filter)));
  };
  using Filter = EscrowFilter;
  EXPECT_EQ(page([](Filter&) {}), "1 2 3 4 .");
  EXPECT_EQ(page([](Filter& f) { f.limit = 2; }), "1 2 > 2");
  EXPECT_EQ(page([](Filter& f) { f.after = EscrowId(2), f.limit = 2; }), "3 4 .");
  EXPECT_EQ(page([](Filter& f) { f.payer = "ann", f.status = EscrowStatus::locked; }), "4 .");
  EXPECT_EQ(page([](Filter& f) { f.beneficiary = "bob", f.status = EscrowStatus::frozen; }), "3 .");
  EXPECT_EQ(page([](Filter& f) { f.group = "spring", f.status = EscrowStatus::released, f.limit = 1; }),
            "1 > 1");
  EXPECT_EQ(page([](Filter& f) {
              f.group = "spring", f.status = EscrowStatus::released, f.after = EscrowId(1), f.limit = 1;
            }),
            ".");
  EXPECT_EQ(page([](Filter& f) { f.payer = "bob"; }), ".");
}

TEST_F(QueriesTest, ErrorsAreThoseOfEveryStore) {
  fill();
  const auto code = [](const auto& answer) { return answer ? ErrorCode() : answer.error().code; };
  EXPECT_EQ(code(queries().account("eve")), ErrorCode::account_not_found);
  EXPECT_EQ(code(queries().account(std::string_view("a\0b", 3))), ErrorCode::account_not_found);
  EXPECT_EQ(code(queries().account("\xff")), ErrorCode::account_not_found);
  EXPECT_EQ(code(queries().statement({"eve", {}, 1})), ErrorCode::account_not_found);
  EXPECT_EQ(code(queries().group("autumn")), ErrorCode::group_not_found);
  EXPECT_EQ(code(queries().escrow({EscrowId(99), {}})), ErrorCode::escrow_not_found);
  EXPECT_EQ(code(queries().escrow({EscrowId(~std::uint64_t{0}), {}})), ErrorCode::escrow_not_found);
  EXPECT_EQ(code(queries().escrow({{}, "d1"})), ErrorCode::escrow_not_found);
  EXPECT_EQ(code(queries().history({{}, "nothing"})), ErrorCode::escrow_not_found);
  EscrowFilter filter;
  filter.payer = "eve";
  EXPECT_EQ(code(queries().escrows(filter)), ErrorCode::account_not_found);
  filter.beneficiary = "bob";
  EXPECT_EQ(code(queries().escrows(filter)), ErrorCode::invalid_command);
  filter = {};
  filter.group = "autumn";
  EXPECT_EQ(code(queries().escrows(filter)), ErrorCode::group_not_found);
  EXPECT_EQ(code(queries().accounts("", 0)), ErrorCode::invalid_command);
  EXPECT_EQ(code(queries().events({}, kMaxPage + 1)), ErrorCode::invalid_command);
  EXPECT_EQ(described(answered(queries().accounts("bob\xff", 1)).rows), "external:EUR -100000+0");
  EXPECT_EQ(answered(queries().events(Seq(~std::uint64_t{0}), 1)).rows.size(), 0U);
}

TEST_F(QueriesTest, HistoryTellsWhatHappened) {
  fill();
  settle();
  EXPECT_EQ(described(answered(queries().history({{}, "e3"}))),
            "0 hold 10000 (0,0,0) | 0 release 5000 (250,150,4600) | 0 freeze 0 (0,0,0)");
  seal_all();
  accept(resolve("r1", "e3", 1'000, 4'000));
  const auto lines = answered(queries().history({EscrowId(3), {}}));
  EXPECT_EQ(described(lines),
            "7 hold 10000 (0,0,0) | 11 release 5000 (250,150,4600) | 12 freeze 0 (0,0,0) | "
            "0 resolve 1000 (0,0,0) | 0 resolve 4000 (200,120,3680)");
  ASSERT_TRUE(lines[1].plan);
  EXPECT_EQ(lines[1].plan->fee_plan, "standard");
  EXPECT_EQ(lines[1].plan->commission.to, "platform:commission");
  expect_ok();
}

TEST_F(QueriesTest, EventsAreFollowedInOrder) {
  fill();
  settle();
  EXPECT_TRUE(answered(queries().events({}, 100)).rows.empty());
  seal_all();
  const auto page = answered(queries().events(Seq(8), 2));
  ASSERT_EQ(page.rows.size(), 2U);
  EXPECT_EQ(page.next, Seq(10));
  const auto& released = page.rows[0];
  EXPECT_EQ(released.seq, Seq(9));
  EXPECT_EQ(released.op, "release");
  EXPECT_EQ(released.reference, "order-1");
  ASSERT_EQ(released.postings.size(), 4U);
  EXPECT_EQ(released.postings[0].account, "ann");
  EXPECT_EQ(released.postings[0].amount, Amount(-10'000));
  const auto rest = answered(queries().events(Seq(10), 2));
  EXPECT_EQ(rest.rows.size(), 2U);
  EXPECT_FALSE(rest.next);
  EXPECT_EQ(to_hex(rest.rows.back().hash), answered(queries().status()).head);
}

TEST_F(QueriesTest, DueDatesComeInOrder) {
  fill();
  accept(reschedule("e4", Timestamp{2'000'000}));
  accept(reschedule("e1", {}, Timestamp{1'000'000}));
  const auto due = answered(queries().due(Timestamp{5'000'000}, 10));
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].escrow, EscrowId(1));
  EXPECT_FALSE(due[0].release);
  EXPECT_EQ(due[1].at, Timestamp{2'000'000});
  EXPECT_EQ(answered(queries().due(Timestamp{1'500'000}, 10)).size(), 1U);
  EXPECT_EQ(answered(queries().due(Timestamp{5'000'000}, 1)).size(), 1U);
  accept(freeze("e4"));
  EXPECT_EQ(answered(queries().due(Timestamp{5'000'000}, 10)).size(), 1U);
  expect_ok();
}

TEST_F(QueriesTest, AuditCoversReplaysAndChunks) {
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
TEST_F(QueriesTest, AuditAcceptsNumbersThatDoNotGrow) {
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

/// The blocks of a kind, in the order of the page.
std::vector<std::string> blocks(const std::string& page, const std::string& kind) {
  std::vector<std::string> found;
  const auto begin = "```" + kind + "\n";
  for (auto at = page.find(begin); at != std::string::npos; at = page.find(begin, at + 1)) {
    const auto from = at + begin.size();
    found.push_back(page.substr(from, page.find("```", from) - from));
  }
  return found;
}

TEST_F(QueriesTest, ExamplesOfThePageAreRight) {
  fill();
  settle();
  seal_all();
  std::ifstream file(HOLDFAST_SOURCE_DIR "/docs/postgres_sql.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const auto queries_shown = blocks(page, "sql");
  const auto results_shown = blocks(page, "text");
  ASSERT_EQ(queries_shown.size(), results_shown.size());
  ASSERT_GE(queries_shown.size(), 5U);
  for (std::size_t i = 0; i < queries_shown.size(); ++i) {
    const auto query = queries_shown[i].substr(0, queries_shown[i].rfind(';'));
    const auto rows =
        sql("select replace(translate(row::text, '()', ''), ',', ' | ') from (" + query + ") row");
    ASSERT_TRUE(rows) << rows.error().message;
    std::string shown;
    for (std::size_t row = 0; row < rows->front()->rows(); ++row) {
      std::string line(rows->front()->text(row, 0));
      if (line.ends_with(' ')) line.pop_back();
      shown += line + "\n";
    }
    EXPECT_EQ(shown, results_shown[i]) << query;
  }
}

TEST_F(QueriesTest, ReadersSeeTheViewsOnly) {
  fill();
  EXPECT_TRUE(sql("set role holdfast_read"));
  EXPECT_EQ(texts("select count(*)::text from holdfast.account_balances"), "5");
  EXPECT_EQ(texts("select count(*)::text from holdfast.escrow_status"), "4");
  EXPECT_TRUE(sql("select 1 from holdfast.statement, holdfast.postings limit 1"));
  EXPECT_FALSE(sql("select 1 from holdfast.accounts"));
  EXPECT_TRUE(sql("set role holdfast_app"));
  EXPECT_TRUE(sql("select 1 from holdfast.account_balances"));
  expect_ok();
}

/// 300 shops, each paid by an escrow of its own, all released in one event that is not sealed.
class BatchTest : public QueriesTest {
 protected:
  void release_to_many() {
    fill();
    accept(deposit("d2", "ann", 100'000));
    std::vector<std::string> keys;
    for (int i = 0; i < kShops; ++i) {
      const auto shop = "shop:" + std::to_string(i);
      keys.push_back("k" + std::to_string(i));
      accept({open(shop, AccountKind::beneficiary), hold(keys.back(), "ann", shop, 100 + i)});
    }
    seal_all();
    auto batch = release({"e1"});
    for (const auto& key : keys) std::get<Release>(batch.operation).escrows.add(key);
    accept(batch);
  }
  /// What the shops have, by what the view says and by what one account is asked for.
  void expect_paid() {
    const std::string all =
        "select sum(available)::bigint from holdfast.account_balances where account like 'shop:%'";
    std::int64_t net = 0;
    for (int i = 0; i < kShops; ++i) {
      const auto shop = answered(queries().account("shop:" + std::to_string(i)));
      ASSERT_GT(shop.available, Amount()) << i;
      EXPECT_EQ(integer("select available from holdfast.account_balances where account = 'shop:" +
                        std::to_string(i) + "'"),
                shop.available.minor());
      net += shop.available.minor();
    }
    EXPECT_EQ(integer(all), net);
    expect_ok();
  }
  static constexpr int kShops = 300;
};

TEST_F(BatchTest, IsPendingInAFewRowsUntilItIsSealed) {
  release_to_many();
  EXPECT_EQ(integer("select count(*) from holdfast.pending"), 0);
  EXPECT_EQ(integer("select sum(cardinality(accounts))::bigint from holdfast.pending_batches"), kShops + 3);
  EXPECT_EQ(integer("select count(*) from holdfast.pending_batches"), 3);
  expect_paid();
  accept(transfer("t1", "shop:7", "ann", 98));  // a debit finds it
  EXPECT_EQ(run(transfer("t2", "shop:7", "ann", 98)).error().code, ErrorCode::insufficient_funds);
  accept(transfer("t3", "ann", "shop:7", 98));
  expect_paid();
  seal_all();
  EXPECT_EQ(integer("select count(*) from holdfast.pending_batches"), 0);
  EXPECT_EQ(integer("select count(*) from holdfast.pending"), 0);
  expect_paid();
}

// An older holdfast that still ran while the schema was migrated left a row an account.
TEST_F(BatchTest, IsSealedAsItWasLeftBefore) {
  release_to_many();
  change(
      "insert into holdfast.pending select ledger, u.account, event, u.available from "
      "holdfast.pending_batches b "
      "cross join lateral unnest(b.accounts, b.available) u(account, available)");
  change("delete from holdfast.pending_batches");
  expect_paid();
  seal_all();
  EXPECT_EQ(integer("select count(*) from holdfast.pending"), 0);
  expect_paid();
}

TEST_F(BatchTest, IsAudited) {
  release_to_many();
  change(
      "update holdfast.pending_batches set available[2] = available[2] + 1 where first_account = (select max("
      "first_account) from holdfast.pending_batches)");
  expect_found("history", "are pending for account shop:");
  change("delete from holdfast.pending_batches");
  expect_found("history", "nothing is pending for account");
}

// One who seals round after round stops looking at what is sealed, and misses nothing that was drawn before.
TEST_F(QueriesTest, SealingGoesOnFromWhatIsSealed) {
  fill();
  SealedThrough through;
  const auto round = [&] {
    const auto sealed = seal(*session_, ledger_, through);
    EXPECT_TRUE(sealed) << sealed.error().message;
    return sealed ? sealed->events : 0;
  };
  const auto give = [&](int number) { accept(deposit("x" + std::to_string(number), "ann", 1)); };
  const auto all = [&] { return integer("select count(*) from holdfast.unsealed") == 0; };
  EXPECT_GT(round(), 0U);
  // A transaction that drew its number stays open while others come and are sealed.
  const auto other = session_to(url_);
  Attempt open_still(*other, ledger_, plans_, workspace_);
  ASSERT_TRUE(other->run(std::array{Statement{"begin"}}));
  const auto late = deposit("late", "ann", 1);
  const auto* one = &late;
  ASSERT_TRUE(open_still.run_inside(std::span(&one, 1)));
  const auto drawn = integer("select last_value from holdfast.events_of_" + std::to_string(ledger_.number));
  for (int i = 0; i < 5; ++i) {
    give(i);
    EXPECT_EQ(round(), 1U);
    EXPECT_LT(through.id, drawn);
  }
  ASSERT_TRUE(other->run(std::array{Statement{"commit"}}));
  EXPECT_FALSE(all());
  EXPECT_EQ(round(), 1U);
  EXPECT_TRUE(all());
  for (int i = 5; i < 10; ++i) {
    give(i);
    EXPECT_EQ(round(), 1U);
  }
  EXPECT_GT(through.id, drawn);
  // Another seals: then nothing is taken for known.
  give(10);
  seal_all();
  give(11);
  EXPECT_EQ(round(), 1U);
  EXPECT_EQ(through.id, 0);
  EXPECT_TRUE(all());
  expect_ok();
}

struct Tampering {
  const char* sql;
  const char* law;
  const char* words;
};
class TamperingTest : public QueriesTest, public ::testing::WithParamInterface<Tampering> {};

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
