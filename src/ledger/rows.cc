// What follows from a row alone.
#include "ledger/rows.h"

namespace holdfast {

EscrowStatus status_of(const EscrowRow& row) {
  if (row.locked() > Amount()) return row.frozen != 0 ? EscrowStatus::frozen : EscrowStatus::locked;
  if (row.refunded == Amount()) return EscrowStatus::released;
  return row.released == Amount() ? EscrowStatus::refunded : EscrowStatus::split;
}

}  // namespace holdfast
