// The auditor, when nothing is in flight: state, chain, queries and laws against the model.
#include <fmt/format.h>

#include <algorithm>

#include "journal/history.h"
#include "ledger/event_codec.h"
#include "ledger/laws.h"
#include "sim/simulator.h"
#include "sim/state_view.h"

namespace holdfast::sim {

void Simulator::audit() {
  if (!options_.audits) return;
  trace([&] { return fmt::format("audit at seq {}", model_.book().seq); });
  check_same(Check::laws, model_.broken_law(), "the model");
  audit_state();
  audit_chain();
  audit_queries();
  audit_laws();
  count("audit");
}

void Simulator::read_now(const std::function<void(const journal::State&)>& read) {
  bool done = false;
  engine_->read(read, [&](const Result<void>& reply) { done = reply.has_value(); });
  engine_->decide();
  engine_->sync();
  check(Check::answers, done, "a read is answered");
}

void Simulator::audit_state() {
  std::string wrong;
  bool at_the_end = false;
  read_now([&](const journal::State& state) {
    const auto view = view_of(state);
    wrong = difference(model_.book(), view);
    if (wrong.empty()) wrong = check_indexes(state, view);
    at_the_end = state.applied().value() == model_.book().seq;
  });
  check_same(Check::state, wrong, "after recovery");
  check(Check::state, at_the_end, "the state is of the last event");
}

void Simulator::audit_chain() {
  Digest head{};
  Sha256 hasher;
  std::uint64_t seq = 0;
  Timestamp at;
  const auto scanned = engine_->log().scan(
      Seq(),
      [&](const Event& event, std::span<const std::byte> bytes, const Digest* recorded) -> Result<void> {
        check(Check::state, event.seq.value() == seq + 1, "seq has no gap");
        check(Check::state, event.at >= at, "the time of events never decreases");
        seq = event.seq.value();
        at = event.at;
        head = chain(hasher, head, bytes);
        check(Check::state, recorded == nullptr || *recorded == head, "the recorded hash is the chain's");
        if (seq >= chain_.size()) chain_.resize(seq + 1);
        auto& known = chain_[seq];
        check(Check::state, known == Digest{} || known == head,
              "what was in the chain before is never changed");
        known = head;
        return {};
      });
  if (!scanned) fail_run(Check::state, "the journal does not read back: " + scanned.error().message);
  check(Check::state, seq == model_.book().seq,
        "the journal has the events that were taken over, and no more");
  check(Check::state, engine_->log().durable().head == head, "the head is the chain's last hash");
  check(Check::state, chain_.back() == head, "the chain ends where it ended before, or goes on");
}

void Simulator::audit_queries() {
  // A few of each: a statement ends at the balances, an escrow's history at its sums.
  const auto& book = model_.book();
  std::map<std::string, AccountId> numbers;
  read_now([&](const journal::State& state) {
    for (const auto& [name, account] : book.accounts) numbers[name] = *state.find_account(name);
  });
  // Over rot, what cannot be read says so; what is read must be right.
  const auto refused = [this](const Error& error, std::string_view what) {
    if (!rotten_) fail_run(Check::answers, fmt::format("{}: {}", what, error.message));
    check(Check::refusal, error.code == ErrorCode::corrupt,
          "a read of rotten bytes says that they are corrupt");
    count("a query refused over rot");
  };
  for (const auto& [name, account] : book.accounts) {
    if (!prng_.one_in(4)) continue;
    Wide available = 0;
    Wide held = 0;
    bool read = true;
    for (Seq after;;) {
      const auto page = engine_->history().statement(numbers.at(name), after, 1 + prng_.below(20));
      if (!page) {
        refused(page.error(), "a statement");
        read = false;
        break;
      }
      for (const auto& line : page->rows) {
        auto& bucket = line.bucket == Bucket::available ? available : held;
        bucket += line.amount.minor();
        check(Check::answers, bucket == line.balance.minor(),
              "a statement's running balance is the sum of its lines");
      }
      if (!page->next) break;
      check(Check::answers, *page->next > after, "a page goes on after the one before");
      after = *page->next;
    }
    check(Check::answers, !read || (available == account.available && held == account.held),
          "a statement ends at the balances");
  }
  for (const auto& [id, escrow] : book.escrows) {
    if (!prng_.one_in(10)) continue;
    const auto lines = engine_->history().escrow(EscrowId(id), numbers.at(escrow.payer), Seq(book.seq));
    if (!lines) {
      refused(lines.error(), "an escrow's history");
      continue;
    }
    Wide released = 0;
    Wide commission = 0;
    check(Check::answers, !lines->empty(), "an escrow's history begins with its hold");
    check(Check::answers, lines->front().op == "hold" && lines->front().amount.minor() == escrow.amount,
          "an escrow's history begins with its hold");
    for (const auto& line : *lines) {
      commission += line.commission.minor();
      if (line.op == "release") released += line.amount.minor();
    }
    check(Check::answers, commission == escrow.commission && released <= escrow.released,
          "an escrow's history has what was paid for it");
  }
}

void Simulator::audit_laws() {
  Auditor auditor;
  const auto scanned = engine_->log().scan(
      Seq(),
      [&](const Event& event, std::span<const std::byte> bytes, const Digest* recorded) -> Result<void> {
        auditor.event(event, bytes, recorded);
        return {};
      });
  check(Check::laws, scanned.has_value(), "the journal reads back");
  AuditReport report;
  read_now([&](const journal::State& state) {
    const auto durable = engine_->log().durable();
    report = auditor.finish(state, durable.seq, durable.head);
  });
  check(Check::laws, report.checks.size() == 9, "nine laws are checked");
  for (const auto& law : report.checks) {
    check_same(Check::laws, law.ok ? std::string() : law.detail, law.law);
  }
}

}  // namespace holdfast::sim
