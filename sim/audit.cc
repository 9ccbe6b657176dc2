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
  trace([&] { return fmt::format("audit at seq {}", model_.book().seq); });
  if (const auto wrong = model_.broken_law(); !wrong.empty()) fail_run("the model breaks a law: " + wrong);
  audit_state();
  audit_chain();
  audit_queries();
  audit_laws();
  count("audit");
}

void Simulator::audit_state() {
  std::string wrong;
  bool done = false;
  engine_->read(
      [&](const journal::State& state) {
        const auto view = view_of(state);
        wrong = difference(model_.book(), view);
        if (wrong.empty()) wrong = check_indexes(state, view);
        if (wrong.empty() && state.applied().value() != model_.book().seq) wrong = "the state's seq differs";
      },
      [&](const Result<void>& reply) { done = reply.has_value(); });
  engine_->decide();
  engine_->sync();
  require(done, "a read is answered");
  if (!wrong.empty()) fail_run("the state after recovery: " + wrong);
}

void Simulator::audit_chain() {
  Digest head{};
  Sha256 hasher;
  std::uint64_t seq = 0;
  Timestamp at;
  const auto scanned = engine_->log().scan(
      Seq(),
      [&](const Event& event, std::span<const std::byte> bytes, const Digest* recorded) -> Result<void> {
        require(event.seq.value() == seq + 1, "seq has no gap");
        require(event.at >= at, "the time of events never decreases");
        seq = event.seq.value();
        at = event.at;
        head = chain(hasher, head, bytes);
        require(recorded == nullptr || *recorded == head, "the recorded hash is the chain's");
        return {};
      });
  if (!scanned) fail_run("the journal does not read back: " + scanned.error().message);
  require(seq == model_.book().seq, "the journal has the events that were taken over, and no more");
  require(engine_->log().durable().head == head, "the head is the chain's last hash");
  head_ = head;
}

void Simulator::audit_queries() {
  // A few of each: a statement ends at the balances, an escrow's history at its sums.
  const auto& book = model_.book();
  std::map<std::string, AccountId> numbers;
  engine_->read(
      [&](const journal::State& state) {
        for (const auto& [name, account] : book.accounts) numbers[name] = *state.find_account(name);
      },
      [](const Result<void>&) {});
  engine_->decide();
  engine_->sync();
  for (const auto& [name, account] : book.accounts) {
    if (!prng_.one_in(4)) continue;
    Wide available = 0;
    Wide held = 0;
    for (Seq after;;) {
      const auto page = engine_->history().statement(numbers.at(name), after, 1 + prng_.below(20));
      if (!page) fail_run("a statement: " + page.error().message);
      for (const auto& line : page->rows) {
        auto& bucket = line.bucket == Bucket::available ? available : held;
        bucket += line.amount.minor();
        require(bucket == line.balance.minor(), "a statement's running balance is the sum of its lines");
      }
      if (!page->next) break;
      require(*page->next > after, "a page goes on after the one before");
      after = *page->next;
    }
    require(available == account.available && held == account.held, "a statement ends at the balances");
  }
  for (const auto& [id, escrow] : book.escrows) {
    if (!prng_.one_in(10)) continue;
    const auto lines = engine_->history().escrow(EscrowId(id), numbers.at(escrow.payer), Seq(book.seq));
    if (!lines) fail_run("an escrow's history: " + lines.error().message);
    Wide released = 0;
    Wide commission = 0;
    require(!lines->empty(), "an escrow's history begins with its hold");
    require(lines->front().op == "hold" && lines->front().amount.minor() == escrow.amount,
            "an escrow's history begins with its hold");
    for (const auto& line : *lines) {
      commission += line.commission.minor();
      if (line.op == "release") released += line.amount.minor();
    }
    require(commission == escrow.commission && released <= escrow.released,
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
  require(scanned.has_value(), "the journal reads back");
  std::string broken;
  engine_->read(
      [&](const journal::State& state) {
        const auto durable = engine_->log().durable();
        for (const auto& check : auditor.finish(state, durable.seq, durable.head).checks) {
          if (!check.ok) broken += fmt::format("{}: {}; ", check.law, check.detail);
        }
      },
      [](const Result<void>&) {});
  engine_->decide();
  engine_->sync();
  if (!broken.empty()) fail_run("the laws: " + broken);
}

}  // namespace holdfast::sim
