// Rows and events as callers see them.
#include "journal/views.h"

#include <algorithm>
#include <vector>

#include "base/assert.h"

namespace holdfast::journal {

AccountView view_of(const State& state, AccountId id) {
  const auto* row = state.account(id);
  HOLDFAST_ASSERT(row != nullptr, "the account exists");
  return {
      std::string(state.account_name(id)), row->currency, row->kind, row->available, row->held, row->open};
}

GroupView view_of(const State& state, GroupId id) {
  const auto* row = state.group(id);
  HOLDFAST_ASSERT(row != nullptr, "the group exists");
  return {std::string(state.group_name(id)), row->open, row->escrows, row->live};
}

EscrowSketch sketch_of(const State& state, EscrowId id) {
  const auto* row = state.escrow(id);
  HOLDFAST_ASSERT(row != nullptr, "the escrow exists");
  const auto* plan = state.plan(row->plan);
  HOLDFAST_ASSERT(plan != nullptr, "an escrow's fee plan exists");
  EscrowSketch sketch;
  sketch.last_seq = Seq(row->last_seq);
  sketch.payer = row->payer;
  auto& view = sketch.view;
  view.escrow = id;
  view.payer = state.account_name(row->payer);
  view.beneficiary = state.account_name(row->beneficiary);
  if (row->group) view.group = state.group_name(row->group);
  view.currency = plan->currency;
  view.amount = row->amount;
  view.released = row->released;
  view.refunded = row->refunded;
  view.locked = row->locked();
  view.status = status_of(*row);
  view.fee_plan = plan->name;
  view.fee_plan_version = plan->version;
  view.commission = row->commission;
  view.processor_fee = row->processor_fee;
  view.net = row->released - row->commission - row->processor_fee;
  const auto dates = state.dates(id);
  view.release_at = dates.release_at;
  view.refund_at = dates.refund_at;
  return sketch;
}

namespace {

using Sketches = std::vector<EscrowSketch*>;

EscrowId id_of(const EscrowSketch* sketch) {
  return sketch->view.escrow;
}
Seq last_of(const EscrowSketch* sketch) {
  return sketch->last_seq;
}

Result<void> complete_holds(const Log& log, Sketches sketches) {
  std::ranges::sort(sketches, {}, id_of);
  std::vector<EscrowId> ids;
  ids.reserve(sketches.size());
  for (const auto* sketch : sketches) ids.push_back(id_of(sketch));
  return log.read_holds(ids, [&](const Event& event) {
    for_each_effect(event.entry, [&](const Entry& effect) {
      const auto* held = std::get_if<Held>(&effect.body);
      if (held == nullptr) return;
      for (auto* sketch : std::ranges::equal_range(sketches, held->escrow, {}, id_of)) {
        sketch->view.key = effect.key;
        sketch->view.held_at = event.at;
      }
    });
  });
}

Result<void> complete_ends(const Log& log, Sketches sketches) {
  std::erase_if(sketches, [](const EscrowSketch* sketch) { return sketch->view.locked != Amount(); });
  std::ranges::sort(sketches, {}, last_of);
  std::vector<Seq> seqs;
  seqs.reserve(sketches.size());
  for (const auto* sketch : sketches) seqs.push_back(last_of(sketch));
  auto next = sketches.begin();
  return log.read_heads(seqs, [&](const EventHead& head) { (*next++)->view.closed_at = head.at; });
}

}  // namespace

Result<void> complete(const Log& log, std::span<EscrowSketch> sketches) {
  Sketches all;
  all.reserve(sketches.size());
  for (auto& sketch : sketches) all.push_back(&sketch);
  if (auto done = complete_holds(log, all); !done) return done;
  return complete_ends(log, std::move(all));
}

}  // namespace holdfast::journal
