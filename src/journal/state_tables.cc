#include "journal/state_tables.h"

#include "base/assert.h"

namespace holdfast::journal {

PackedDate pack(const Dates& dates) {
  HOLDFAST_ASSERT(!(dates.release_at && dates.refund_at), "an escrow has one date at most");
  if (dates.release_at) return dates.release_at->micros * 2;
  return dates.refund_at->micros * 2 + 1;
}

Dates unpack(PackedDate date) {
  Dates dates;
  (date % 2 == 0 ? dates.release_at : dates.refund_at) = Timestamp{date >> 1};
  return dates;
}

AccountRow& Tables::make_account(AccountId id) {
  chunks.ensure(ChunkKind::accounts, id.value() >> kAccountShift);
  account_lists.make(id.value()) = {};
  return accounts.make(id.value());
}

GroupSlot& Tables::make_group(GroupId id) {
  chunks.ensure(ChunkKind::groups, id.value() >> kGroupShift);
  GroupSlot& slot = groups.make(id.value());
  slot = {};
  return slot;
}

PlanRow& Tables::make_plan(PlanId id) {
  chunks.ensure(ChunkKind::plans, id.value() >> kPlanShift);
  if (id.value() >= plans.size()) plans.resize(id.value() + std::size_t{1});
  plans[id.value()] = std::make_unique<PlanRow>();
  return *plans[id.value()];
}

EscrowRow& Tables::make_escrow(EscrowId id) {
  chunks.ensure(ChunkKind::escrows, id.value() >> kEscrowShift);
  return escrows.make(id.value());
}

namespace {

template <class Links>
void append(Links& links, EscrowNumber& first, EscrowNumber& last, EscrowNumber id) {
  links.make(id) = 0;
  if (last == 0) {
    first = id;
  } else {
    links[last] = id;
  }
  last = id;
}

template <class Links>
void take_last(Links& links, EscrowNumber& first, EscrowNumber& last, EscrowNumber before) {
  last = before;
  if (before == 0) {
    first = 0;
  } else {
    links[before] = 0;
  }
}

}  // namespace

void Tables::link(EscrowNumber id, const EscrowRow& row) {
  auto& payer = account_lists[row.payer.value()];
  append(next_of_payer, payer.first_paid, payer.last_paid, id);
  auto& beneficiary = account_lists[row.beneficiary.value()];
  append(next_of_beneficiary, beneficiary.first_received, beneficiary.last_received, id);
  if (row.group) {
    auto& group = groups[row.group.value()];
    append(next_of_group, group.first, group.last, id);
  }
}

void Tables::unlink(const EscrowRow& row, EscrowNumber group_end, EscrowNumber payer_end,
                    EscrowNumber beneficiary_end) {
  auto& payer = account_lists[row.payer.value()];
  take_last(next_of_payer, payer.first_paid, payer.last_paid, payer_end);
  auto& beneficiary = account_lists[row.beneficiary.value()];
  take_last(next_of_beneficiary, beneficiary.first_received, beneficiary.last_received, beneficiary_end);
  if (row.group) {
    auto& group = groups[row.group.value()];
    take_last(next_of_group, group.first, group.last, group_end);
    group.first_live = 0;
  }
}

std::uint64_t Tables::memory_bytes() const {
  std::uint64_t bytes = accounts.memory_bytes() + account_lists.memory_bytes() + account_names.memory_bytes();
  bytes += escrows.memory_bytes() + next_of_group.memory_bytes() + next_of_payer.memory_bytes() +
           next_of_beneficiary.memory_bytes() + dates.memory_bytes();
  bytes += due.size() * sizeof(DueKey) * 3 / 2;  // leaves of the ordered set are two thirds full or more
  bytes += groups.memory_bytes() + group_names.memory_bytes() + keys.memory_bytes() + chunks.memory_bytes();
  bytes += more_sums.size() * sizeof(decltype(more_sums)::value_type) * 3 / 2;
  bytes += currency_sums.capacity() * sizeof(CurrencySums) + plans.capacity() * sizeof(plans[0]);
  bytes += latest_plans.size() * (sizeof(std::string) + sizeof(PlanId) + 40);
  for (const auto& plan : plans) bytes += plan ? sizeof(PlanRow) : 0;
  return bytes;
}

}  // namespace holdfast::journal
