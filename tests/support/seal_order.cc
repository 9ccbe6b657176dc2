#include "tests/support/seal_order.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "ledger/event_codec.h"
#include "postgres/libpq_session.h"
#include "postgres/sealer.h"

namespace holdfast::testing {

namespace {

Command only_options(const BlockRun& run) {
  return {Atomic{}, run.block.options};
}

bool ran_to_its_end(const BlockRun& run) {
  return !run.results.empty() && std::ranges::all_of(run.results, [](const auto& result) {
    return result || is_rejection(result.error().code);
  });
}

const BlockRun* address(const std::optional<BlockRun>& run) {
  return run ? &*run : nullptr;
}

}  // namespace

SealOrder::SealOrder(std::string conninfo, std::string ledger) : conninfo_(std::move(conninfo)) {
  reconnect();
  const std::array<postgres::Statement, 1> ask{
      {{"select ledger from holdfast.ledgers where name = $1", {ledger}}}};
  const auto found = session_->run(ask);
  HOLDFAST_ASSERT(found && found->front()->rows() == 1, "the ledger is there");
  ledger_ = {found->front()->integer(0, 0), std::move(ledger)};
}

void SealOrder::reconnect() {
  auto session = postgres::connect(conninfo_);
  HOLDFAST_ASSERT(session.has_value(), "the test's server takes connections");
  session_ = std::move(*session);
}

std::uint64_t SealOrder::now() {
  const std::scoped_lock hold(mutex_);
  return ++clock_;
}

Result<Answer> SealOrder::run(Store& store, const Command& command) {
  while (true) {
    const auto asked = now();
    auto reply = store.execute(command);
    if (!reply) {
      record(command, std::unexpected(reply.error()), asked);
      return std::unexpected(std::move(reply.error()));
    }
    record(command, reply->answer, asked);
    if (!reply->more) return std::move(reply->answer);
  }
}

void SealOrder::record(const Command& command, Result<Answer> answer, std::uint64_t asked,
                       std::uint64_t answered) {
  const std::scoped_lock hold(mutex_);
  ++clock_;
  steps_.push_back(
      {command, std::move(answer), asked == 0 ? checked_ : asked, answered == 0 ? clock_ : answered});
}

void SealOrder::record_unknown(const Command& command, std::uint64_t asked) {
  const std::scoped_lock hold(mutex_);
  unknown_.emplace(command.options.reference, Unknown{command, asked});
}

void SealOrder::record(BlockRun run, Result<Answer> answer, std::uint64_t asked) {
  const std::scoped_lock hold(mutex_);
  ++clock_;
  auto command = only_options(run);
  steps_.push_back({std::move(command), std::move(answer), asked, clock_, std::move(run)});
}

void SealOrder::record_unknown(BlockRun run, std::uint64_t asked) {
  const std::scoped_lock hold(mutex_);
  auto command = only_options(run);
  auto reference = command.options.reference;
  unknown_.emplace(std::move(reference), Unknown{std::move(command), asked, std::move(run)});
}

postgres::ResultSets SealOrder::query(std::string_view sql) {
  const std::array<postgres::Statement, 1> ask{{{sql, {ledger_.number}}}};
  auto rows = session_->run(ask);
  EXPECT_TRUE(rows) << rows.error().message;
  return rows ? std::move(*rows) : postgres::ResultSets{};
}

std::int64_t SealOrder::count_of(std::string_view table) {
  return query(fmt::format("select count(*) from holdfast.{} where ledger = $1", table)).at(0)->integer(0, 0);
}

void SealOrder::wait_for_sealers() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (count_of("unsealed") > 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "events are left unsealed";
    std::this_thread::yield();
  }
}

void SealOrder::seal_all() {
  while (count_of("unsealed") > 0) {
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

/// Those that were sealed since the last check.
void SealOrder::read_new_events(std::vector<Event>& events) {
  Seq last(model_.book().seq);
  const auto rows = query(
      fmt::format("select event, seq from holdfast.seals where ledger = $1 and seq > {}", last.value()));
  for (std::size_t i = 0; i < rows.at(0)->rows(); ++i) {
    const auto event = static_cast<std::uint64_t>(rows[0]->integer(i, 0));
    const auto seq = static_cast<std::uint64_t>(rows[0]->integer(i, 1));
    seq_of_[event] = seq;
    event_of_[seq] = event;
  }
  while (true) {
    const auto page = postgres::sealed_events(*session_, ledger_, last, 1'000);
    ASSERT_TRUE(page) << page.error().message;
    if (page->empty()) break;
    for (const auto& sealed : *page) {
      ASSERT_EQ(sealed.seq, last.next()) << "seqs have no gaps";
      last = sealed.seq;
      auto& event = events.emplace_back();
      const auto decoded = decode_event(sealed.bytes, event);
      ASSERT_TRUE(decoded) << decoded.error().message;
    }
  }
  ASSERT_EQ(events.size(), rows[0]->rows());
}

/// Which request each event comes from.
void SealOrder::match(const std::vector<Event>& events, std::vector<SealedStep>& in_order) {
  std::map<std::uint64_t, Step*> acknowledged;
  for (auto& step : steps_) {
    if (!step.answer || !step.answer->event_id) continue;
    const auto seq = seq_of_.find(*step.answer->event_id);
    ASSERT_TRUE(seq != seq_of_.end())
        << "event " << *step.answer->event_id
        << " was acknowledged and is not there: " << sim::describe(step.command);
    step.answer->seq = Seq(seq->second);  // what it had not yet when it was answered
    if (step.answer->replayed) continue;
    ASSERT_TRUE(acknowledged.emplace(seq->second, &step).second)
        << "two answers have event " << *step.answer->event_id << ": " << sim::describe(step.command);
  }
  for (const auto& event : events) {
    auto& step = in_order.emplace_back();
    if (const auto known = acknowledged.find(event.seq.value()); known != acknowledged.end()) {
      const auto& answered = *known->second;
      ASSERT_EQ(answered.command.options.reference, event.entry.reference)
          << "seq " << event.seq.value() << " is of another request than " << sim::describe(answered.command);
      step = {&answered.command, address(answered.block), answered.answer, answered.asked, answered.answered};
      acknowledged.erase(known);
    } else {
      ASSERT_NO_FATAL_FAILURE(match_unknown(event, step));
    }
  }
  ASSERT_TRUE(acknowledged.empty()) << "an event that was new before the last check was acknowledged since: "
                                    << sim::describe(acknowledged.begin()->second->command);
}

void SealOrder::match_unknown(const Event& event, SealedStep& step) {
  const auto [first, last] = unknown_.equal_range(event.entry.reference);
  auto found = last;
  for (auto one = first; one != last; ++one) {
    const auto& request = one->second;
    if (request.matched || request.command.options.key != event.entry.key) continue;
    // Of a block's attempts the last that ran to its end: after one that took effect it does not run again.
    if (request.block && !ran_to_its_end(*request.block)) continue;
    found = one;
  }
  ASSERT_TRUE(found != last) << "nobody was told of seq " << event.seq.value() << ", event "
                             << event_of_[event.seq.value()] << ", a " << op_name(event.entry.body)
                             << " of reference " << event.entry.reference << " and key " << event.entry.key
                             << ", and every request of it is accounted for";
  auto& unknown = found->second;
  unknown.matched = true;
  step = {&unknown.command, address(unknown.block),
          Answer{event_of_[event.seq.value()], event.seq, event.at, false, result_of(event.entry)},
          unknown.asked, kNever};
}

void SealOrder::replay(const std::vector<SealedStep>& in_order) {
  for (const auto& step : in_order) {
    const auto seq = model_.book().seq + 1;
    std::string wrong;
    const auto expected = execute(model_, step, wrong);
    if (wrong.empty()) wrong = sim::difference(expected, step.answer);
    ASSERT_EQ(wrong, "") << "seq " << seq << ", event " << *step.answer->event_id << ": "
                         << sim::describe(*step.command) << neighbours(seq);
    if (const auto& key = step.command->options.key; !key.empty()) key_event_[key] = *step.answer->event_id;
    ++accepted_;
    unknown_done_ += step.known == kNever ? 1 : 0;
  }
}

void SealOrder::check_replays() {
  for (const auto& step : steps_) {
    if (!step.answer || !step.answer->event_id || !step.answer->replayed) continue;
    const auto expected = step.block ? model_.begin_block(step.command.options).value_or(sim::Outcome())
                                     : model_.execute(step.command, {});
    ASSERT_EQ(sim::difference(expected, step.answer), "") << "replay: " << sim::describe(step.command);
    const auto first = key_event_.find(step.command.options.key);
    if (first != key_event_.end()) {  // else it is of a command inside another
      ASSERT_EQ(*step.answer->event_id, first->second)
          << "a replay names another event: " << sim::describe(step.command);
    }
    ++replayed_;
  }
}

void SealOrder::check_rest(const sim::Model& before, const std::vector<SealedStep>& in_order) {
  std::vector<UnsealedAnswer> rest;
  for (const auto& step : steps_) {
    if (step.answer && step.answer->event_id) continue;
    if (step.block) continue;  // what its commands were told is its caller's own affair
    if (!step.answer) {
      EXPECT_TRUE(is_rejection(step.answer.error().code))
          << sim::describe(step.command) << ": " << step.answer.error().message;
      if (!is_rejection(step.answer.error().code)) continue;
      ++rejected_;
    }
    rest.push_back({&step.command, &step.answer, step.asked, step.answered});
  }
  ASSERT_EQ(check_windows(before, in_order, rest, windows_), "");
}

void SealOrder::check() {
  ASSERT_NO_FATAL_FAILURE(seal_all());
  std::vector<Event> events;
  ASSERT_NO_FATAL_FAILURE(read_new_events(events));
  std::vector<SealedStep> in_order;
  in_order.reserve(events.size());
  ASSERT_NO_FATAL_FAILURE(match(events, in_order));
  unknown_undone_ += static_cast<std::uint64_t>(
      std::ranges::count_if(unknown_, [](const auto& one) { return !one.second.matched; }));
  const auto before = model_;
  ASSERT_NO_FATAL_FAILURE(replay(in_order));
  ASSERT_NO_FATAL_FAILURE(check_replays());
  ASSERT_NO_FATAL_FAILURE(check_rest(before, in_order));
  ASSERT_EQ(model_.broken_law(), "");
  ASSERT_EQ(seq_of_.size(), model_.book().seq) << "what is sealed was asked for";
  steps_.clear();
  unknown_.clear();
  checked_ = now();
}

void SealOrder::check_tables() {
  std::size_t versions = 0;
  for (const auto& [name, all] : book().plans) versions += all.size();
  const std::array<std::pair<std::string_view, std::size_t>, 10> expected{
      {{"events", book().seq},
       {"seals", book().seq},
       {"accounts", book().accounts.size()},
       {"escrows", book().escrows.size()},
       {"keys", book().keys.size()},
       {"fee_plans", book().plans.size()},
       {"fee_plan_versions", versions},
       {"unsealed", 0},
       {"pending", 0},
       {"pending_batches", 0}}};
  for (const auto& [table, rows] : expected) {
    ASSERT_EQ(count_of(table), static_cast<std::int64_t>(rows)) << "rows of " << table;
  }
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
