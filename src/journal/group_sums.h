// What the escrows of a group come to in one currency: changed with each of them, so that asking costs
// nothing. Follows from the rows: kept in memory only, and built when a ledger is opened.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "journal/wide.h"
#include "ledger/rows.h"

namespace holdfast::journal {

struct GroupSums {
  // All that ever went through a group has no bound as what is in the ledger has.
  Wide released = 0;
  Wide refunded = 0;
  Wide commission = 0;
  Wide processor_fee = 0;
  Amount locked;
  Amount frozen;
  std::array<std::uint32_t, 5> escrows{};  // by status, in its order
  Currency currency;

  void add(const EscrowRow& row) { count<+1>(row); }
  /// \pre it was added as it is now
  void subtract(const EscrowRow& row) { count<-1>(row); }

  /// One that was added as `before` is now as `after`.
  void change(const EscrowRow& before, const EscrowRow& after) {
    const auto was = status_of(before);
    const auto is = status_of(after);
    --of(was);
    ++of(is);
    (was == EscrowStatus::frozen ? frozen : locked) -= before.locked();
    (is == EscrowStatus::frozen ? frozen : locked) += after.locked();
    released += after.released.minor() - before.released.minor();
    refunded += after.refunded.minor() - before.refunded.minor();
    commission += after.commission.minor() - before.commission.minor();
    processor_fee += after.processor_fee.minor() - before.processor_fee.minor();
  }

  [[nodiscard]] std::uint32_t& of(EscrowStatus status) {
    return escrows[static_cast<std::size_t>(status) - 1];
  }
  [[nodiscard]] std::uint32_t of(EscrowStatus status) const {
    return escrows[static_cast<std::size_t>(status) - 1];
  }
  [[nodiscard]] bool empty() const {
    return std::ranges::all_of(escrows, [](std::uint32_t count) { return count == 0; });
  }
  /// None where a sum does not fit.
  [[nodiscard]] std::optional<GroupTotal> total() const;

 private:
  template <int kSign>
  void count(const EscrowRow& row) {
    const auto status = status_of(row);
    of(status) += static_cast<std::uint32_t>(kSign);
    (status == EscrowStatus::frozen ? frozen : locked) += kSign > 0 ? row.locked() : -row.locked();
    released += kSign * Wide{row.released.minor()};
    refunded += kSign * Wide{row.refunded.minor()};
    commission += kSign * Wide{row.commission.minor()};
    processor_fee += kSign * Wide{row.processor_fee.minor()};
  }
};

}  // namespace holdfast::journal
