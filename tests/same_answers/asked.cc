#include "tests/same_answers/asked.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "sim/model.h"

namespace holdfast::testing {
namespace {

std::string text(const AccountView& a) {
  return fmt::format("{} {} {} {}+{} {}", a.account, a.currency.code(), to_string(a.kind),
                     a.available.minor(), a.held.minor(), a.open);
}
std::string date(const std::optional<Timestamp>& at) {
  return at ? to_rfc3339(*at) : "-";
}
std::string text(const EscrowView& e) {
  return fmt::format("{} {} {}>{} {} {} {}={}+{}+{} {} {}.{} {},{},{} {} {} {} {}", e.escrow.value(), e.key,
                     e.payer, e.beneficiary, e.group, e.currency.code(), e.amount.minor(), e.released.minor(),
                     e.refunded.minor(), e.locked.minor(), to_string(e.status), e.fee_plan,
                     e.fee_plan_version, e.commission.minor(), e.processor_fee.minor(), e.net.minor(),
                     date(e.held_at), date(e.closed_at), date(e.release_at), date(e.refund_at));
}
std::string text(const GroupView& g) {
  return fmt::format("{} {} {} {}", g.group, g.open, g.escrows, g.live);
}
std::string text(const GroupSummary& s) {
  auto all = text(s.group);
  for (const auto& t : s.totals) {
    all += fmt::format("; {} {} {}={}+{}+{}+{} {},{},{} {}+{}+{}+{}+{}", t.currency.code(), t.escrows,
                       t.amount.minor(), t.locked.minor(), t.frozen.minor(), t.released.minor(),
                       t.refunded.minor(), t.commission.minor(), t.processor_fee.minor(), t.net.minor(),
                       t.locked_escrows, t.frozen_escrows, t.released_escrows, t.refunded_escrows,
                       t.split_escrows);
  }
  return all;
}
std::string text(const FeeRule& rule) {
  return fmt::format("{}+{} {}..{} to {}", rule.rate.billionths(), rule.fixed.minor(), rule.min.minor(),
                     rule.max ? rule.max->minor() : -1, rule.to);
}
std::string text(const FeePlanView& p) {
  return fmt::format("{}.{} {} {} {} {}", p.fee_plan, p.version, p.currency.code(), text(p.commission),
                     text(p.processor_fee), to_string(p.rounding));
}
std::string text(const StatementLine& l) {
  return fmt::format("{} {} {} {} {} ={} of {} {}", l.seq.value(), date(l.at), l.op, to_string(l.bucket),
                     l.amount.minor(), l.balance.minor(), l.escrows, l.reference);
}
std::string text(const EscrowHistoryLine& l) {
  return fmt::format("{} {} {} {} {} {} {} +{} {}: {},{},{} {}", l.seq.value(), date(l.at), l.op, l.actor,
                     l.reason, l.reference, l.group, l.others, l.amount.minor(), l.commission.minor(),
                     l.processor_fee.minor(), l.net.minor(), l.plan ? text(*l.plan) : "-");
}
std::string text(const TrialBalance& t) {
  return fmt::format("{} {} {} {} {} {} {}", t.currency.code(), t.available.minor(), t.held.minor(),
                     t.external.minor(), t.commission.minor(), t.processor_fee.minor(), t.sum.minor());
}
std::string text(const EventView& e) {
  std::string lines;
  for (const auto& p : e.postings) {
    lines +=
        fmt::format(" {} {} {} {};", p.account, to_string(p.bucket), p.amount.minor(), p.currency.code());
  }
  for (const auto& s : e.sums) {
    lines += fmt::format(" {}: held {} released {} refunded {} commission {} fee {};", s.currency.code(),
                         s.held.minor(), s.released.minor(), s.refunded.minor(), s.commission.minor(),
                         s.processor_fee.minor());
  }
  for (const auto id : e.escrows) lines += fmt::format(" {}", id.value());
  return fmt::format("{} {} {} {} {} {} {}: {} escrows, {} {},{}, {}: {}", e.seq.value(), date(e.at), e.op,
                     e.actor, e.key, e.reason, e.reference, e.escrow_count,
                     sim::describe(Answer{{}, {}, {}, false, e.result}), e.froze, e.thawed, to_hex(e.hash),
                     lines);
}

class Asked {
 public:
  Asked(Store& store, std::size_t limit) : store_(store), limit_(limit) {}

  std::map<std::string, std::vector<std::string>> all() {
    escrows("all", {});  // first: it tells the keys
    std::vector<std::string> names;
    page(
        "accounts", std::string(), [&](const auto& after) { return store_.accounts(after, limit_); },
        [&](const auto& row) {
          names.push_back(row.account);
          return text(row);
        });
    for (const auto& name : names) of_account(name);
    names.clear();
    page(
        "groups", std::string(), [&](const auto& after) { return store_.groups(after, limit_); },
        [&](const auto& row) {
          names.push_back(row.group);
          return text(row);
        });
    for (const auto& name : names) {
      add("group " + name, text(must(store_.group(name))));
      add("sums of group " + name, text(must(store_.group_summary(name))));
      EscrowFilter filter;
      filter.group = name;
      by_status("of group " + name, filter);
    }
    for (const auto& row : must(store_.fee_plans())) add("plans", text(row));
    for (const auto& row : must(store_.trial_balance())) add("trial balance", text(row));
    for (const auto& row : must(store_.due(Timestamp{std::int64_t{1} << 60}, 1'000))) {
      add("due", fmt::format("{} {} {}", row.escrow.value(), row.release, to_rfc3339(row.at)));
    }
    page(
        "events", Seq(), [&](const auto& after) { return store_.events(after, limit_); },
        [&](const auto& row) { return text(row); });
    for (const auto& [id, key] : keys_) {
      add("escrow " + key, text(must(store_.escrow({{}, key}))));
      add("escrow " + key, text(must(store_.escrow({EscrowId(id), {}}))));
      for (const auto& line : must(store_.history({{}, key}))) add("history " + key, text(line));
    }
    return std::move(texts_);
  }

 private:
  template <class T>
  T must(Result<T> result) {
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(*result) : T();
  }
  void add(const std::string& question, std::string line) { texts_[question].push_back(std::move(line)); }

  /// Rows of all pages. Where they end is told too, unless a store may say that there is more where nothing
  /// follows.
  template <class Cursor, class Ask, class Text>
  void page(const std::string& question, Cursor after, const Ask& ask, const Text& text_of,
            bool exact = true) {
    while (true) {
      auto found = must(ask(after));
      for (const auto& row : found.rows) add(question, text_of(row));
      if (exact) add(question, found.next ? "more" : "end");
      if (!found.next) return;
      after = *found.next;
    }
  }
  void escrows(const std::string& question, EscrowFilter filter) {
    filter.limit = limit_;
    page(
        question, EscrowId(),
        [&](const auto& after) {
          filter.after = after;
          return store_.escrows(filter);
        },
        [&](const auto& row) {
          keys_[row.escrow.value()] = row.key;
          return text(row);
        });
  }
  void by_status(const std::string& question, EscrowFilter filter) {
    escrows(question, filter);
    for (const auto status : {EscrowStatus::locked, EscrowStatus::frozen, EscrowStatus::released,
                              EscrowStatus::refunded, EscrowStatus::split}) {
      filter.status = status;
      escrows(fmt::format("{} {}", to_string(status), question), filter);
    }
  }
  void of_account(const std::string& name) {
    add("account " + name, text(must(store_.account(name))));
    page(
        "statement " + name, Seq(),
        [&](const auto& after) { return store_.statement({name, after, limit_}); },
        [&](const auto& row) { return text(row); },
        false);  // the journal passes over what posted nothing
    EscrowFilter paid;
    paid.payer = name;
    by_status("paid by " + name, paid);
    EscrowFilter due;
    due.beneficiary = name;
    by_status("for " + name, due);
  }

  Store& store_;
  std::size_t limit_;
  std::map<std::uint64_t, std::string> keys_;  // of escrows

  std::map<std::string, std::vector<std::string>> texts_;
};

}  // namespace

Answers everything_asked(Store& store, std::size_t limit) {
  return Asked(store, limit).all();
}

}  // namespace holdfast::testing
