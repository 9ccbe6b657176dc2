#include "journal/group_sums.h"

#include "holdfast/answers.h"
#include "journal/state_tables.h"

namespace holdfast::journal {

std::optional<GroupTotal> GroupSums::total() const {
  const Wide all = released + refunded + locked.minor() + frozen.minor();
  if (all > Wide{INT64_MAX}) return std::nullopt;  // the others are parts of it
  const auto narrow = [](Wide sum) { return Amount(static_cast<std::int64_t>(sum)); };
  GroupTotal total;
  total.currency = currency;
  for (const auto count : escrows) total.escrows += count;
  total.amount = narrow(all);
  total.locked = locked;
  total.frozen = frozen;
  total.released = narrow(released);
  total.refunded = narrow(refunded);
  total.commission = narrow(commission);
  total.processor_fee = narrow(processor_fee);
  total.net = total.released - total.commission - total.processor_fee;
  total.locked_escrows = of(EscrowStatus::locked);
  total.frozen_escrows = of(EscrowStatus::frozen);
  total.released_escrows = of(EscrowStatus::released);
  total.refunded_escrows = of(EscrowStatus::refunded);
  total.split_escrows = of(EscrowStatus::split);
  return total;
}

GroupSums& Tables::sums_of(const EscrowRow& row) {
  const Currency currency = plan(row.plan)->currency;
  GroupSums& first = groups[row.group.value()].sums;
  if (first.currency == currency) return first;
  const auto found = more_sums.find({row.group, currency});
  if (found != more_sums.end()) return found->second;
  GroupSums& chosen = first.empty() ? first : more_sums[{row.group, currency}];
  chosen.currency = currency;
  return chosen;
}

void Tables::count_in(const EscrowRow& row) {
  if (row.group) sums_of(row).add(row);
}

void Tables::count_out(const EscrowRow& row) {
  if (!row.group) return;
  GroupSums& sums = sums_of(row);
  sums.subtract(row);
  if (sums.empty()) more_sums.erase({row.group, sums.currency});
}

void Tables::recount(const EscrowRow& before, const EscrowRow& after) {
  if (!before.group) return;
  sums_of(before).change(before, after);
}

}  // namespace holdfast::journal
