// Queries and views over a ledger that was filled with commands, before and after it is sealed.
#include "postgres/queries.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/support/filled_ledger.h"

namespace holdfast::postgres {
namespace {

using namespace testing;  // NOLINT: commands in one line each

class QueriesTest : public FilledLedger {};

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

}  // namespace
}  // namespace holdfast::postgres
