#include "tests/support/seal_order.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <map>
#include <span>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "postgres/libpq_session.h"
#include "postgres/sealer.h"

namespace holdfast::testing {

SealOrder::SealOrder(const std::string& conninfo, std::string ledger) {
  auto session = postgres::connect(conninfo);
  HOLDFAST_ASSERT(session.has_value(), "the test's server takes connections");
  session_ = std::move(*session);
  const std::array<postgres::Statement, 1> ask{
      {{"select ledger from holdfast.ledgers where name = $1", {ledger}}}};
  const auto found = session_->run(ask);
  HOLDFAST_ASSERT(found && found->front()->rows() == 1, "the ledger is there");
  ledger_ = {found->front()->integer(0, 0), std::move(ledger)};
}

Result<Answer> SealOrder::run(Store& store, const Command& command) {
  while (true) {
    auto reply = store.execute(command);
    if (!reply) {
      record(command, std::unexpected(reply.error()));
      return std::unexpected(std::move(reply.error()));
    }
    record(command, reply->answer);
    if (!reply->more) return std::move(reply->answer);
  }
}

void SealOrder::record(const Command& command, Result<Answer> answer) {
  const std::scoped_lock hold(mutex_);
  steps_.push_back({command, std::move(answer)});
}

postgres::ResultSets SealOrder::query(std::string_view sql) {
  const std::array<postgres::Statement, 1> ask{{{sql, {ledger_.number}}}};
  auto rows = session_->run(ask);
  EXPECT_TRUE(rows) << rows.error().message;
  return rows ? std::move(*rows) : postgres::ResultSets{};
}

void SealOrder::wait_for_sealers() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (query("select count(*) from holdfast.unsealed where ledger = $1").at(0)->integer(0, 0) > 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "events are left unsealed";
    std::this_thread::yield();
  }
}

void SealOrder::seal_all() {
  while (query("select count(*) from holdfast.unsealed where ledger = $1").at(0)->integer(0, 0) > 0) {
    const auto sealed = postgres::seal(*session_, ledger_);
    ASSERT_TRUE(sealed) << sealed.error().message;
  }
}

/// The keys of the events around one, to see what it should have seen.
std::string SealOrder::neighbours(std::uint64_t seq) {
  const auto rows = query(fmt::format(
      "select s.seq, k.event, k.key from holdfast.keys k join holdfast.seals s on s.ledger = k.ledger and "
      "s.event = k.event where k.ledger = $1 and s.seq between {} - 30 and {} + 30 order by 1",
      seq, seq));
  std::string text = "\nkeys taken near it (seq, event, key):";
  for (std::size_t i = 0; i < rows.at(0)->rows(); ++i) {
    text += fmt::format(" ({}, {}, {})", rows[0]->integer(i, 0), rows[0]->integer(i, 1), rows[0]->text(i, 2));
  }
  return text;
}

void SealOrder::check() {
  ASSERT_NO_FATAL_FAILURE(seal_all());
  std::map<std::uint64_t, std::uint64_t> seq_of;
  const auto seals = query("select event, seq from holdfast.seals where ledger = $1");
  for (std::size_t i = 0; i < seals.at(0)->rows(); ++i) {
    seq_of[static_cast<std::uint64_t>(seals[0]->integer(i, 0))] =
        static_cast<std::uint64_t>(seals[0]->integer(i, 1));
  }
  std::map<std::uint64_t, const Step*> in_order;
  std::vector<const Step*> replays;
  for (auto& step : steps_) {
    if (!step.answer) {
      EXPECT_TRUE(is_rejection(step.answer.error().code))
          << sim::describe(step.command) << ": " << step.answer.error().message;
      ++rejected_;
      continue;
    }
    if (!step.answer->event_id) continue;  // changed nothing
    const auto seq = seq_of.find(*step.answer->event_id);
    ASSERT_NE(seq, seq_of.end()) << "event " << *step.answer->event_id
                                 << " was not sealed: " << sim::describe(step.command);
    step.answer->seq = Seq(seq->second);  // what it had not yet when it was answered
    if (step.answer->replayed) {
      replays.push_back(&step);
      continue;
    }
    ASSERT_TRUE(in_order.emplace(seq->second, &step).second)
        << "two answers have event " << *step.answer->event_id << ": " << sim::describe(step.command);
  }
  for (const auto& [seq, step] : in_order) {
    ASSERT_EQ(seq, model_.book().seq + 1) << "seqs have no gaps";
    const auto expected = model_.execute(step->command, sim::given_ids(step->answer->result));
    ASSERT_EQ(sim::difference(expected, step->answer), "")
        << "seq " << seq << ", event " << *step->answer->event_id << ": " << sim::describe(step->command)
        << neighbours(seq);
    ++accepted_;
  }
  for (const auto* step : replays) {
    const auto expected = model_.execute(step->command, {});
    ASSERT_EQ(sim::difference(expected, step->answer), "") << "replay: " << sim::describe(step->command);
    ++replayed_;
  }
  ASSERT_EQ(model_.broken_law(), "");
  ASSERT_EQ(seq_of.size(), model_.book().seq) << "what is sealed was answered";
  steps_.clear();
}

void SealOrder::check_rows(Store& store) {
  for (const auto& [name, expected] : book().accounts) {
    const auto row = store.account(name);
    ASSERT_TRUE(row) << row.error().message;
    ASSERT_EQ(row->available.minor(), static_cast<std::int64_t>(expected.available)) << name;
    ASSERT_EQ(row->held.minor(), static_cast<std::int64_t>(expected.held)) << name;
    ASSERT_EQ(row->open, expected.open) << name;
  }
  for (const auto& [id, expected] : book().escrows) {
    const auto row = store.escrow({EscrowId(id), {}});
    ASSERT_TRUE(row) << row.error().message;
    ASSERT_EQ(row->key, expected.key);
    ASSERT_EQ(row->released.minor(), static_cast<std::int64_t>(expected.released)) << id;
    ASSERT_EQ(row->refunded.minor(), static_cast<std::int64_t>(expected.refunded)) << id;
    ASSERT_EQ(row->commission.minor(), static_cast<std::int64_t>(expected.commission)) << id;
    ASSERT_EQ(row->processor_fee.minor(), static_cast<std::int64_t>(expected.processor_fee)) << id;
    ASSERT_EQ(row->status == EscrowStatus::frozen, expected.frozen) << id;
  }
}

void SealOrder::check_laws(Store& store) {
  ASSERT_NO_FATAL_FAILURE(seal_all());
  const auto report = store.audit({}, {});
  ASSERT_TRUE(report) << report.error().message;
  for (const auto& check : report->checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
  EXPECT_TRUE(report->ok);
  Digest head{};
  Seq last;
  while (true) {
    const auto page = postgres::sealed_events(*session_, ledger_, last, 1'000);
    ASSERT_TRUE(page) << page.error().message;
    if (page->empty()) return;
    for (const auto& event : *page) {
      ASSERT_EQ(event.seq, last.next());
      const auto before = std::as_bytes(std::span(head));
      Bytes chained(before.begin(), before.end());
      chained.insert(chained.end(), event.bytes.begin(), event.bytes.end());
      head = sha256(chained);
      ASSERT_EQ(to_hex(event.hash), to_hex(head)) << "at seq " << event.seq.value();
      last = event.seq;
    }
  }
}

}  // namespace holdfast::testing
