// How a release is split. The only place where a fee is computed, for every store. Keeps laws 3 and 8.
#pragma once

#include "holdfast/money.h"

namespace holdfast {

struct Fees {
  Amount commission;
  Amount processor_fee;

  friend bool operator==(const Fees&, const Fees&) = default;
};

/// round(amount * rate): the product is exact, and rounded once. \pre amount >= 0
[[nodiscard]] Amount apply_rate(Amount amount, Rate rate, Rounding rounding);

/// clamp(round(amount * rate) + fixed, min, max); 0 for 0.
[[nodiscard]] Amount fee_of(Amount amount, const FeeRule& rule, Rounding rounding);

/// Both fees of a whole release of `amount`. Together they may exceed it: then the caller refuses.
[[nodiscard]] Fees whole_fees(Amount amount, const FeeRule& commission, const FeeRule& processor_fee,
                              Rounding rounding);

/// The fees of a part: what the sum released so far plus this part owes, less what was recorded, the
/// processor's first; what exceeds the part falls on later parts. Never negative, never more than `part`.
/// \param released  released before this part
/// \param recorded  fees recorded for that
[[nodiscard]] Fees part_fees(Amount part, Amount released, Fees recorded, const FeeRule& commission,
                             const FeeRule& processor_fee, Rounding rounding);

}  // namespace holdfast
