// Both stores answer every query alike.
//
// Random commands go to a journal store; those that it accepts go to PostgreSQL too, with escrows named by
// their keys, since each store gives numbers of its own. Then all that can be asked is asked of both: times,
// hashes and numbers aside, the answers are the same texts.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "journal/journal_store.h"
#include "postgres/libpq_session.h"
#include "postgres/queries.h"
#include "postgres/schema.h"
#include "postgres/sealer.h"
#include "sim/model.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using Keys = std::map<std::uint64_t, std::string>;  // of escrows, by the numbers of one store

std::string text(const AccountView& a) {
  return fmt::format("{} {} {} {}+{} {}", a.account, a.currency.code(), to_string(a.kind),
                     a.available.minor(), a.held.minor(), a.open);
}
std::string date(const std::optional<Timestamp>& at) {
  return at ? to_rfc3339(*at) : "-";
}
std::string text(const EscrowView& e) {
  return fmt::format("{} {}>{} {} {} {}={}+{}+{} {} {}.{} {},{},{} {} {} {}", e.key, e.payer, e.beneficiary,
                     e.group, e.currency.code(), e.amount.minor(), e.released.minor(), e.refunded.minor(),
                     e.locked.minor(), to_string(e.status), e.fee_plan, e.fee_plan_version,
                     e.commission.minor(), e.processor_fee.minor(), e.net.minor(), e.closed_at.has_value(),
                     date(e.release_at), date(e.refund_at));
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
  return fmt::format("{} {} {} {} ={} of {} {}", l.seq.value(), l.op, to_string(l.bucket), l.amount.minor(),
                     l.balance.minor(), l.escrows, l.reference);
}
std::string text(const EscrowHistoryLine& l) {
  return fmt::format("{} {} {} {} {} {} +{} {}: {},{},{} {}", l.seq.value(), l.op, l.actor, l.reason,
                     l.reference, l.group, l.others, l.amount.minor(), l.commission.minor(),
                     l.processor_fee.minor(), l.net.minor(), l.plan ? text(*l.plan) : "-");
}
std::string text(const TrialBalance& t) {
  return fmt::format("{} {} {} {} {} {} {}", t.currency.code(), t.available.minor(), t.held.minor(),
                     t.external.minor(), t.commission.minor(), t.processor_fee.minor(), t.sum.minor());
}
std::string text(const EventView& e, const Keys& keys) {
  std::vector<std::string> postings;
  for (const auto& p : e.postings) {
    postings.push_back(
        fmt::format("{} {} {} {}", p.account, to_string(p.bucket), p.amount.minor(), p.currency.code()));
  }
  std::ranges::sort(postings);  // by account number in each store
  std::vector<std::string> escrows;
  for (const auto id : e.escrows) escrows.push_back(keys.at(id.value()));
  std::ranges::sort(escrows);
  return fmt::format("{} {} {} {} {} {} {} [{}] [{}]", e.seq.value(), e.op, e.actor, e.key, e.reason,
                     e.reference, e.escrow_count, fmt::join(escrows, " "), fmt::join(postings, "; "));
}

/// Names escrows by key. What has no key is an escrow that is not there.
class ByKey {
 public:
  explicit ByKey(const Keys& keys) : keys_(keys) {}

  Command operator()(Command command) const {
    std::visit(*this, command.operation);
    return command;
  }
  void operator()(Release& op) const { list(op.escrows); }
  void operator()(Refund& op) const { list(op.escrows); }
  void operator()(Reschedule& op) const { ref(op.escrow); }
  void operator()(Freeze& op) const { ref(op.escrow); }
  void operator()(Resolve& op) const { ref(op.escrow); }
  void operator()(Atomic& op) const {
    for (auto& inner : op.commands) inner = (*this)(std::move(inner));
  }
  template <class Other>
  void operator()(Other&) const {}

 private:
  std::string key(EscrowId id) const {
    const auto at = keys_.find(id.value());
    return at == keys_.end() ? fmt::format("none-{}", id.value()) : at->second;
  }
  void ref(EscrowRef& escrow) const {
    if (escrow.key.empty()) escrow = {{}, key(escrow.id)};
  }
  void list(EscrowList& escrows) const {
    EscrowList named;
    for (std::size_t i = 0; i < escrows.size(); ++i) {
      const auto item = escrows[i];
      named.add(item.key.empty() ? std::string_view(key(item.id)) : item.key);
    }
    escrows = std::move(named);
  }

  const Keys& keys_;
};

/// Everything that can be asked, as texts. \param limit  of a page
template <class Store>
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
      add("due", fmt::format("{} {} {}", keys_.at(row.escrow.value()), row.release, to_rfc3339(row.at)));
    }
    page(
        "events", Seq(), [&](const auto& after) { return store_.events(after, limit_); },
        [&](const auto& row) { return text(row, keys_); });
    for (const auto& [id, key] : keys_) {
      add("escrow " + key, text(must(store_.escrow({{}, key}))));
      add("escrow " + key, text(must(store_.escrow({EscrowId(id), {}}))));
      for (const auto& line : must(store_.history({{}, key}))) add("history " + key, text(line));
    }
    return std::move(texts_);
  }
  [[nodiscard]] const Keys& keys() const { return keys_; }

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
  Keys keys_;
  std::map<std::string, std::vector<std::string>> texts_;
};

class SameAnswers : public ::testing::Test {
 protected:
  SameAnswers() {
    journal::OpenReport report;
    auto opened = journal::open_journal_store(directory_.path(), true, {}, report);
    EXPECT_TRUE(opened) << opened.error().message;
    journal_ = std::move(*opened);
    auto connected = postgres::connect(testing::shared_postgres().new_database());
    EXPECT_TRUE(connected) << connected.error().message;
    session_ = std::move(*connected);
    EXPECT_TRUE(postgres::migrate(*session_));
    const std::array<postgres::Statement, 1> create{{{"select holdfast.create_ledger('main')"}}};
    const auto created = session_->run(create);
    EXPECT_TRUE(created) << created.error().message;
    ledger_ = {created->front()->integer(0, 0), "main"};
  }

  void run(const Command& command) {
    for (bool more = true; more;) {
      const auto answer = journal_->execute(command);
      if (!answer) {
        ASSERT_TRUE(is_rejection(answer.error().code)) << answer.error().message;
        return;
      }
      model_.execute(command, sim::given_ids(answer->answer.result));
      for (const auto& [key, id] : model_.book().escrow_of_key) keys_[id] = key;
      more = answer->more;
      const auto named = ByKey(keys_)(command);
      const auto* one = &named;
      postgres::Attempt attempt(*session_, ledger_, plans_, workspace_);
      const auto same = attempt.run(std::span(&one, 1), std::chrono::milliseconds(5'000));
      ASSERT_TRUE(same) << same.error().message;
      ASSERT_TRUE(same->answers.front())
          << sim::describe(command) << ": " << same->answers.front().error().message;
      ASSERT_EQ(same->answers.front()->more, more);
      ASSERT_EQ(same->answers.front()->answer.replayed, answer->answer.replayed);
    }
  }
  void seal_all() {
    while (true) {
      const auto sealed = postgres::seal(*session_, ledger_);
      ASSERT_TRUE(sealed) << sealed.error().message;
      if (sealed->events == 0) return;
    }
  }
  void compare(std::size_t limit) {
    postgres::Queries queries(*session_, ledger_);
    const auto expected = Asked(*journal_, limit).all();
    const auto found = Asked(queries, limit).all();
    for (const auto& [question, lines] : expected) {
      const auto at = found.find(question);
      ASSERT_NE(at, found.end()) << question;
      ASSERT_EQ(fmt::format("{}", fmt::join(at->second, "\n")), fmt::format("{}", fmt::join(lines, "\n")))
          << question;
    }
    EXPECT_EQ(found.size(), expected.size());
    const auto report = postgres::Queries(*session_, ledger_).audit({}, {});
    ASSERT_TRUE(report) << report.error().message;
    for (const auto& check : report->checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Store> journal_;
  std::unique_ptr<postgres::Session> session_;
  postgres::LedgerRef ledger_;
  postgres::PlanCache plans_;
  Workspace workspace_;
  sim::Model model_{sim::IdOrder::any};
  Keys keys_;
};

class SameAnswersOfSeed : public SameAnswers, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(SameAnswersOfSeed, ToAllQuestions) {
  sim::Prng prng(GetParam());
  sim::Workload workload(prng.fork());
  for (const auto& command : workload.opening()) ASSERT_NO_FATAL_FAILURE(run(command));
  for (int i = 0; i < 500; ++i) {
    ASSERT_NO_FATAL_FAILURE(run(workload.next(model_.book()))) << "command " << i;
    if (i % 7 == 0) seal_all();
  }
  seal_all();
  ASSERT_GT(model_.book().seq, 50U);
  compare(1'000);
  compare(3);
}
INSTANTIATE_TEST_SUITE_P(Seeds, SameAnswersOfSeed, ::testing::Range<std::uint64_t>(1, 5));

}  // namespace
}  // namespace holdfast
