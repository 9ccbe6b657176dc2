// Rows and events as callers see them.
#include "journal/views.h"

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

Result<void> EscrowCompleter::load_hold(EscrowId id) {
  if (hold_ && holds_escrow(hold_->entry, id)) return {};
  auto event = log_.read_hold(id);
  if (!event) return std::unexpected(event.error());
  hold_ = std::move(*event);
  return {};
}

Result<void> EscrowCompleter::load_last(Seq seq) {
  if (last_ && last_->seq == seq) return {};
  if (hold_ && hold_->seq == seq) {
    last_ = EventHead{hold_->seq, hold_->at};
    return {};
  }
  const auto event = log_.read(seq);
  if (!event) return std::unexpected(event.error());
  last_ = EventHead{event->seq, event->at};
  return {};
}

Result<EscrowView> EscrowCompleter::complete(EscrowSketch sketch) {
  auto& view = sketch.view;
  if (auto loaded = load_hold(view.escrow); !loaded) return std::unexpected(loaded.error());
  view.held_at = hold_->at;
  for_each_effect(hold_->entry, [&](const Entry& effect) {
    const auto* held = std::get_if<Held>(&effect.body);
    if (held != nullptr && held->escrow == view.escrow) view.key = effect.key;
  });
  if (view.locked == Amount()) {
    if (auto loaded = load_last(sketch.last_seq); !loaded) return std::unexpected(loaded.error());
    view.closed_at = last_->at;
  }
  return std::move(view);
}

}  // namespace holdfast::journal
