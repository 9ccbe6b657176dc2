// What all accounts of a currency have together, by where it lies: changed with each posting, so that a trial
// balance costs nothing and holds nobody up, however many accounts there are. Follows from the rows: kept in
// memory only, and added up when a ledger is opened. The audit compares it with the rows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ledger/rows.h"

namespace holdfast::journal {

class CurrencySums {
 public:
  /// Where an account's bucket counts.
  enum class Place : std::uint8_t { available, external, commission, processor_fee, held };
  static constexpr std::size_t kPlaces = 5;

  [[nodiscard]] static Place place_of(AccountKind kind, Bucket bucket) {
    if (bucket == Bucket::held) return Place::held;
    switch (kind) {
      case AccountKind::user:
      case AccountKind::beneficiary:
        return Place::available;
      case AccountKind::platform:
        return Place::commission;
      case AccountKind::fees:
        return Place::processor_fee;
      case AccountKind::external:
        return Place::external;
    }
    return Place::available;
  }
  [[nodiscard]] Amount& of(Place place) { return sums_[static_cast<std::size_t>(place)]; }
  [[nodiscard]] Amount of(Place place) const { return sums_[static_cast<std::size_t>(place)]; }

  /// All that is in the ledger: without what external accounts have.
  [[nodiscard]] Amount inside() const {
    return of(Place::available) + of(Place::held) + of(Place::commission) + of(Place::processor_fee);
  }

  std::uint64_t accounts = 0;  // how many there are of the currency

 private:
  std::array<Amount, kPlaces> sums_{};
};

}  // namespace holdfast::journal
