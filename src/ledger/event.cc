// What an event says of itself: its op and the answer that its command got.
#include "ledger/event.h"

#include "base/assert.h"
#include "ledger/totals.h"

namespace holdfast {
namespace {

// The op of an operation by its index in `Operation`.
template <std::size_t... Index>
std::string_view op_at(std::size_t wanted, std::index_sequence<Index...>) {
  std::string_view name;
  ((Index == wanted ? void(name = op_name(Operation(std::in_place_index<Index>))) : void()), ...);
  return name;
}

template <class Op>
constexpr std::size_t index_of() {
  return Operation(Op{}).index();
}

struct OpName {
  std::string_view operator()(const AccountOpened&) const { return "open_account"; }
  std::string_view operator()(const AccountClosed&) const { return "close_account"; }
  std::string_view operator()(const FeePlanDefined&) const { return "define_fee_plan"; }
  std::string_view operator()(const Moved& moved) const {
    switch (moved.kind) {
      case Moved::Kind::deposit:
        return "deposit";
      case Moved::Kind::withdraw:
        return "withdraw";
      case Moved::Kind::transfer:
        return "transfer";
    }
    HOLDFAST_ASSERT(false, "a kind of movement that there is");
    return {};
  }
  std::string_view operator()(const Held&) const { return "hold"; }
  std::string_view operator()(const Rescheduled&) const { return "reschedule"; }
  std::string_view operator()(const Released&) const { return "release"; }
  std::string_view operator()(const Refunded&) const { return "refund"; }
  std::string_view operator()(const Frozen&) const { return "freeze"; }
  std::string_view operator()(const Resolved&) const { return "resolve"; }
  std::string_view operator()(const GroupClosed&) const { return "close_group"; }
  std::string_view operator()(const GroupReopened&) const { return "reopen_group"; }
  std::string_view operator()(const Unchanged& unchanged) const {
    return op_at(unchanged.op, std::make_index_sequence<std::variant_size_v<Operation>>());
  }
  std::string_view operator()(const Replayed&) const { return "replay"; }
  std::string_view operator()(const AtomicDone&) const { return "atomic"; }
};

// Of a release or refund; a chunk answers for all chunks so far.
template <class Batch>
CommandResult settlement_of(const Batch& body, Settlement::Kind kind) {
  Settlement result;
  result.kind = kind;
  const auto& batch = body.batch;
  if (batch.chunk) {
    result.totals = batch.chunk->totals;
  } else {
    add_totals(body, result.totals);
  }
  const auto& skips = batch.chunk ? batch.chunk->skips : batch.skips;
  result.skipped = skips.first;
  result.skipped_count = skips.counts;
  return result;
}

struct ResultOf {
  template <class Other>
  CommandResult operator()(const Other&) const {
    return Nothing{};
  }
  CommandResult operator()(const FeePlanDefined& plan) const { return PlanResult{plan.version}; }
  CommandResult operator()(const Held& held) const { return HoldResult{held.escrow}; }
  CommandResult operator()(const Released& body) const {
    return settlement_of(body, Settlement::Kind::release);
  }
  CommandResult operator()(const Refunded& body) const {
    return settlement_of(body, Settlement::Kind::refund);
  }
  CommandResult operator()(const Resolved& body) const {
    Settlement result;
    result.kind = Settlement::Kind::resolve;
    result.to_payer = body.to_payer;
    if (body.to_payer + body.to_beneficiary > Amount()) {
      result.totals.push_back({.currency = body.plan.currency,
                               .escrows = 1,
                               .amount = body.to_beneficiary,
                               .commission = body.commission,
                               .processor_fee = body.processor_fee,
                               .net = body.to_beneficiary - body.commission - body.processor_fee});
    }
    return result;
  }
  CommandResult operator()(const Unchanged& body) const {
    if (body.op == index_of<DefineFeePlan>()) return PlanResult{body.version};
    return Nothing{};
  }
  CommandResult operator()(const Replayed& body) const { return body.result; }
  CommandResult operator()(const AtomicDone& body) const {
    AtomicResult result;
    result.results.reserve(body.entries.size());
    for (const auto& entry : body.entries) {
      if (entry) {
        result.results.emplace_back(result_of(*entry));
      } else {
        result.results.emplace_back(std::unexpect, entry.error());
      }
    }
    return result;
  }
};

}  // namespace

std::string_view op_name(const Body& body) {
  return std::visit(OpName{}, body);
}

CommandResult result_of(const Entry& entry) {
  return std::visit(ResultOf{}, entry.body);
}

const ChunkProgress* progress_of(const Entry& entry) {
  const BatchInfo* batch = nullptr;
  if (const auto* released = std::get_if<Released>(&entry.body)) batch = &released->batch;
  if (const auto* refunded = std::get_if<Refunded>(&entry.body)) batch = &refunded->batch;
  return batch != nullptr && batch->chunk ? &*batch->chunk : nullptr;
}

const Entry* entry_with_key(const Entry& entry, std::string_view key) {
  if (entry.key == key) return &entry;
  const auto* atomic = std::get_if<AtomicDone>(&entry.body);
  if (atomic == nullptr) return nullptr;
  for (const auto& part : atomic->entries) {
    if (!part || std::holds_alternative<Replayed>(part->body)) continue;
    if (const auto* found = entry_with_key(*part, key)) return found;
  }
  return nullptr;
}

bool holds_escrow(const Entry& entry, EscrowId escrow) {
  bool found = false;
  for_each_effect(entry, [&](const Entry& effect) {
    const auto* held = std::get_if<Held>(&effect.body);
    found = found || (held != nullptr && held->escrow == escrow);
  });
  return found;
}

}  // namespace holdfast
