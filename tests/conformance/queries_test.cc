// Every query, whole and in pages of any size: what the pages tell together is what one page tells.
#include <map>

#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class QueriesTest : public ConformanceTest {
 protected:
  QueriesTest() {
    run(ledger, open("kiosk", AccountKind::beneficiary));
    for (int i = 0; i < 30; ++i) {
      const auto key = fmt::format("h{}", i);
      auto command = hold(key, i % 3 == 0 ? "bob" : "alice", i % 2 == 0 ? "shop" : "kiosk", 100 + i,
                          i % 5 == 4 ? "" : fmt::format("g{}", i % 5));
      command.options.reference = fmt::format("order-{}", i);
      run(ledger, command);
      if (i % 6 == 1) run(ledger, release({key}));
      if (i % 6 == 2) run(ledger, refund({key}));
      if (i % 6 == 3) run(ledger, freeze(key));
      if (i % 6 == 4) run(ledger, release_part("p" + key, key, 10));
      if (i % 12 == 4) run(ledger, refund({key}));
    }
    run(ledger, close_group("g1"));
    wait_until_sealed(ledger);
  }

  /// The lines of all pages of a question. `ask(after)`, `line(row)`
  template <class Cursor, class Ask, class Line>
  static std::vector<std::string> all(Cursor after, const Ask& ask, const Line& line) {
    std::vector<std::string> lines;
    while (true) {
      const auto page = must(ask(after));
      for (const auto& row : page.rows) lines.push_back(line(row));
      if (!page.next) return lines;
      after = *page.next;
    }
  }
  std::vector<std::string> escrows(EscrowFilter filter, std::size_t limit) {
    filter.limit = limit;
    return all(
        EscrowId(),
        [&](const auto& after) {
          filter.after = after;
          auto page = ledger.escrows(filter);
          EXPECT_LE(page->rows.size(), limit);
          return page;
        },
        [](const EscrowView& row) { return row.key; });
  }
};
HOLDFAST_ON_EVERY_STORE(QueriesTest);

TEST_P(QueriesTest, AccountsByNameInPages) {
  const auto ask = [&](std::size_t limit) {
    return all(
        std::string(), [&](const auto& after) { return ledger.accounts(after, limit); },
        [](const AccountView& row) { return row.account; });
  };
  const auto whole = ask(kMaxPage);
  EXPECT_EQ(whole, (std::vector<std::string>{"alice", "bob", "external:EUR", "kiosk", "platform:commission",
                                             "processor:fees", "shop"}));
  for (const std::size_t limit : {1U, 2U, 3U, 7U, 8U}) EXPECT_EQ(ask(limit), whole);
  EXPECT_EQ(must(ledger.accounts("bob", 1)).rows.at(0).account, "external:EUR");
  EXPECT_EQ(must(ledger.accounts("b", 1)).rows.at(0).account, "bob") << "the cursor need not be a name";
  EXPECT_TRUE(must(ledger.accounts("zzz", 5)).rows.empty());
}

TEST_P(QueriesTest, EscrowsByEveryFilterInPages) {
  const auto every = escrows({}, kMaxPage);
  ASSERT_EQ(every.size(), 30U);
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(every[static_cast<std::size_t>(i)], fmt::format("h{}", i)) << "by id";
  std::vector<EscrowFilter> filters(6);
  filters[1].group = "g2";
  filters[2].payer = "bob";
  filters[3].beneficiary = "kiosk";
  filters[4].group = "g1";
  filters[5].payer = "shop";  // pays nothing
  std::size_t of_statuses = 0;
  for (auto filter : filters) {
    for (const auto status : {std::optional<EscrowStatus>(), std::optional(EscrowStatus::locked),
                              std::optional(EscrowStatus::frozen), std::optional(EscrowStatus::released),
                              std::optional(EscrowStatus::refunded), std::optional(EscrowStatus::split)}) {
      filter.status = status;
      const auto whole = escrows(filter, kMaxPage);
      if (status) of_statuses += whole.size();
      for (const std::size_t limit : {1U, 2U, 5U, 30U}) EXPECT_EQ(escrows(filter, limit), whole);
      for (const auto& key : whole) {
        const auto row = escrow(key);
        EXPECT_TRUE(!status || row.status == *status);
        EXPECT_TRUE(filter.group.empty() || row.group == filter.group);
        EXPECT_TRUE(filter.payer.empty() || row.payer == filter.payer);
        EXPECT_TRUE(filter.beneficiary.empty() || row.beneficiary == filter.beneficiary);
      }
    }
  }
  EXPECT_EQ(of_statuses, 30U + 6U + 10U + 15U + 6U);
}

/// What a group's escrows come to, added up from all pages.
std::vector<GroupTotal> added_up(const Ledger& ledger, const std::string& group) {
  std::map<std::string, GroupTotal> by_code;
  EscrowFilter filter;
  filter.group = group;
  filter.limit = 7;
  for (std::optional<EscrowId> after = EscrowId(); after;) {
    filter.after = *after;
    const auto page = must(ledger.escrows(filter));
    for (const auto& row : page.rows) {
      auto& total = by_code[std::string(row.currency.code())];
      total.currency = row.currency;
      ++total.escrows;
      total.amount += row.amount;
      total.released += row.released;
      total.refunded += row.refunded;
      total.commission += row.commission;
      total.processor_fee += row.processor_fee;
      total.net += row.net;
      (row.status == EscrowStatus::frozen ? total.frozen : total.locked) += row.locked;
      total.locked_escrows += row.status == EscrowStatus::locked ? 1 : 0;
      total.frozen_escrows += row.status == EscrowStatus::frozen ? 1 : 0;
      total.released_escrows += row.status == EscrowStatus::released ? 1 : 0;
      total.refunded_escrows += row.status == EscrowStatus::refunded ? 1 : 0;
      total.split_escrows += row.status == EscrowStatus::split ? 1 : 0;
    }
    after = page.next;
  }
  std::vector<GroupTotal> totals;
  for (const auto& [code, total] : by_code) totals.push_back(total);
  return totals;
}

TEST_P(QueriesTest, TheSumsOfAGroupAreThoseOfItsEscrows) {
  run(ledger, reopen_group("g1"));
  const auto jpy = Currency::parse("JPY").value();
  run(ledger, open("yuki", AccountKind::user, jpy));
  run(ledger, open("mise", AccountKind::beneficiary, jpy));
  run(ledger, deposit("yen", "yuki", 100'000));
  auto yen = plan("yen", "0.10", "0.01");
  auto& rules = std::get<DefineFeePlan>(yen.operation);
  rules.currency = jpy;
  rules.commission.to = "platform:yen";
  rules.processor_fee.to = "processor:yen";
  run(ledger, yen);
  for (int i = 0; i < 5; ++i) {
    auto command = hold(fmt::format("y{}", i), "yuki", "mise", 1'000 + i, "g1");
    std::get<Hold>(command.operation).fee_plan = "yen";
    run(ledger, command);
  }
  run(ledger, release({"y0"}));
  run(ledger, freeze("y1"));
  const auto all_agree = [&] {
    for (const auto* name : {"g0", "g1", "g2", "g3"}) {
      const auto summary = must(ledger.group_summary(name));
      EXPECT_EQ(summary.totals, added_up(ledger, name)) << name;
      const auto group = must(ledger.group(name));
      EXPECT_EQ(summary.group.group, name);
      EXPECT_EQ(summary.group.open, group.open) << name;
      EXPECT_EQ(summary.group.escrows, group.escrows) << name;
      EXPECT_EQ(summary.group.live, group.live) << name;
    }
  };
  all_agree();
  const auto two = must(ledger.group_summary("g1")).totals;
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].currency.code(), "EUR");
  EXPECT_EQ(two[1].currency.code(), "JPY");
  EXPECT_EQ(two[1].frozen, Amount(1'001));

  // What was tried and taken back has left nothing.
  auto dry = refund_group("g1");
  dry.options.dry_run = true;
  run(ledger, dry);
  auto other = hold("other", "alice", "shop", 100, "g1");
  other.options.dry_run = true;
  run(ledger, other);
  all_agree();
  EXPECT_EQ(must(ledger.group_summary("g1")).totals, two);

  run(ledger, resolve("r", "y1", 500, 501));
  run(ledger, refund_group("g1"));
  all_agree();
  reopen();
  all_agree();
  EXPECT_EQ(must_fail(ledger.group_summary("nothing")).code, ErrorCode::group_not_found);
  EXPECT_EQ(must_fail(ledger.group_summary("no such \n name")).code, ErrorCode::group_not_found);
}

TEST_P(QueriesTest, AStatementRunsFromZeroToTheBalance) {
  for (const auto* account : {"alice", "bob", "shop", "external:EUR", "platform:commission"}) {
    const auto ask = [&](std::size_t limit) {
      return all(
          Seq(), [&](const auto& after) { return ledger.statement({account, after, limit}); },
          [](const StatementLine& row) {
            return fmt::format("{} {} {} {} ={} {} {}", row.seq.value(), row.op, to_string(row.bucket),
                               row.amount.minor(), row.balance.minor(), row.escrows, row.reference);
          });
    };
    const auto whole = ask(kMaxPage);
    for (const std::size_t limit : {2U, 3U, 10U}) EXPECT_EQ(ask(limit), whole) << account;
    std::map<Bucket, Amount> sums;
    for (const auto& line : must(ledger.statement({account, {}, kMaxPage})).rows) {
      sums[line.bucket] += line.amount;
      EXPECT_EQ(line.balance, sums[line.bucket]) << account;
      EXPECT_NE(line.amount, Amount());
    }
    EXPECT_EQ(sums[Bucket::available].minor(), available(ledger, account)) << account;
    EXPECT_EQ(sums[Bucket::held].minor(), held(ledger, account)) << account;
  }
}

TEST_P(QueriesTest, EventsWithoutGapsAndBalanced) {
  const auto last = seq();
  const auto ask = [&](std::size_t limit) {
    return all(
        Seq(), [&](const auto& after) { return ledger.events(after, limit); },
        [](const EventView& row) { return fmt::format("{} {} {}", row.seq.value(), row.op, row.reference); });
  };
  const auto whole = ask(kMaxPage);
  EXPECT_EQ(whole.size(), last);
  for (const std::size_t limit : {1U, 7U, 50U}) EXPECT_EQ(ask(limit), whole);
  std::uint64_t expected = 0;
  for (const auto& event : must(ledger.events(Seq(), kMaxPage)).rows) {
    EXPECT_EQ(event.seq.value(), ++expected);
    Amount sum;
    for (const auto& posting : event.postings) sum += posting.amount;
    EXPECT_EQ(sum, Amount());
    EXPECT_NE(event.hash, (std::array<std::uint8_t, 32>{}));
  }
  EXPECT_TRUE(must(ledger.events(Seq(last), 10)).rows.empty());
  EXPECT_EQ(must(ledger.status()).seq, Seq(last));
}

// Whatever answers repeat (a chunk those before it, a replay in an atomic another event's), the sums of the
// events together are what the escrows have.
TEST_P(QueriesTest, TheSumsOfEventsTellEachMovementOnce) {
  run(ledger, resolve("r", "h3", 40, 63));
  for (int i = 0; i < 7; ++i) run(ledger, hold(fmt::format("c{}", i), "bob", "kiosk", 1'000 + i, "chunks"));
  run(ledger, chunked<Release>("chunked", "chunks", 3));
  run(ledger,
      atomic({hold("x", "alice", "shop", 500), release_part("px", "x", 100), release_part("ph4", "h4", 10),
              savepoint({refund({"x"}), withdraw("w", "alice", 1'000'000'000)})}));
  wait_until_sealed(ledger);

  EventSums of_events;
  of_events.currency = eur();
  std::uint64_t frozen = 0;
  for (const auto& event : must(ledger.events(Seq(), kMaxPage)).rows) {
    frozen += event.froze - event.thawed;
    for (const auto& sums : event.sums) {
      of_events.held += sums.held;
      of_events.released += sums.released;
      of_events.refunded += sums.refunded;
      of_events.commission += sums.commission;
      of_events.processor_fee += sums.processor_fee;
    }
  }
  EventSums of_escrows;
  of_escrows.currency = eur();
  std::uint64_t frozen_now = 0;
  EscrowFilter everything;
  everything.limit = kMaxPage;
  for (const auto& row : must(ledger.escrows(everything)).rows) {
    of_escrows.held += row.amount;
    of_escrows.released += row.released;
    of_escrows.refunded += row.refunded;
    of_escrows.commission += row.commission;
    of_escrows.processor_fee += row.processor_fee;
    frozen_now += row.status == EscrowStatus::frozen ? 1 : 0;
  }
  EXPECT_EQ(of_events, of_escrows);
  EXPECT_EQ(frozen, frozen_now);
  EXPECT_GT(frozen, 0U);
}

TEST_P(QueriesTest, GroupsInPages) {
  const auto ask = [&](std::size_t limit) {
    return all(
        std::string(), [&](const auto& after) { return ledger.groups(after, limit); },
        [](const GroupView& row) {
          return fmt::format("{} {} {} {}", row.group, row.open, row.escrows, row.live);
        });
  };
  const auto whole = ask(kMaxPage);
  ASSERT_EQ(whole.size(), 4U);
  EXPECT_TRUE(whole[1].starts_with("g1 false 6"));
  for (const std::size_t limit : {1U, 3U, 4U, 5U}) EXPECT_EQ(ask(limit), whole);
}

TEST_P(QueriesTest, AnEscrowByIdAndByKeyAndItsHistory) {
  for (int i = 0; i < 30; ++i) {
    const auto key = fmt::format("h{}", i);
    const auto by_key = escrow(key);
    const auto by_id = must(ledger.escrow({by_key.escrow, {}}));
    EXPECT_EQ(by_id.key, key);
    EXPECT_EQ(by_id.amount, by_id.released + by_id.refunded + by_id.locked);
    EXPECT_EQ(by_id.released, by_id.commission + by_id.processor_fee + by_id.net);
    const auto lines = must(ledger.history(ref(key)));
    EXPECT_EQ(lines.size(), i % 6 == 0 || i % 6 == 5 ? 1U : i % 12 == 4 ? 3U : 2U) << key;
    EXPECT_EQ(lines.front().op, "hold");
    EXPECT_EQ(lines.front().reference, fmt::format("order-{}", i));
    ASSERT_TRUE(lines.front().plan);
    EXPECT_EQ(lines.front().plan->fee_plan, "standard");
    EXPECT_EQ(must(ledger.history({by_key.escrow, {}})).size(), lines.size());
  }
}

TEST_P(QueriesTest, TheTrialBalanceAddsUp) {
  const auto rows = must(ledger.trial_balance());
  ASSERT_EQ(rows.size(), 1U);
  const auto& row = rows[0];
  EXPECT_EQ(row.sum, Amount());
  EXPECT_EQ(row.available + row.held + row.external + row.commission + row.processor_fee, Amount());
  EXPECT_EQ(row.external, Amount(-200'000));
  EXPECT_EQ(row.held.minor(), held(ledger, "alice") + held(ledger, "bob"));
}

TEST_P(QueriesTest, AskedBeforeItIsSealedTheBalancesAreThereAtOnce) {
  for (int i = 0; i < 50; ++i) {
    run(ledger, deposit(fmt::format("d{}", i), "kiosk", 1));
    EXPECT_EQ(must(ledger.account("kiosk")).available.minor() % 1'000'000, available(ledger, "kiosk"));
  }
  const auto first = available(ledger, "kiosk");
  run(ledger, withdraw("w", "kiosk", first));
  EXPECT_EQ(available(ledger, "kiosk"), 0);
}

}  // namespace
}  // namespace holdfast
