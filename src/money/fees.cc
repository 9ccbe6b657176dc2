#include "money/fees.h"

#include <algorithm>

#include "base/assert.h"
#include "base/planted_bugs.h"

namespace holdfast {

Amount apply_rate(Amount amount, Rate rate, Rounding rounding) {
  HOLDFAST_ASSERT(amount >= Amount(), "a fee is taken from an amount, not from a debt");
  // amount = whole * kUnit + part, so amount * rate = (whole * rate) * kUnit + part * rate. Neither product
  // can pass 64 bits: the first is at most the amount, the second below 10^18. The same number as in 128
  // bits, without their slow division.
  constexpr std::int64_t kUnit = 1'000'000'000;
  const std::int64_t billionths = rate.billionths();
  const auto scaled = amount.minor() % kUnit * billionths;
  auto quotient = amount.minor() / kUnit * billionths + scaled / kUnit;
  const auto rest = scaled % kUnit;
  switch (rounding) {
    case Rounding::half_up:
      quotient += planted(PlantedBug::round_half_down) ? rest > kUnit / 2 : rest >= kUnit / 2;
      break;
    case Rounding::half_even:
      quotient += rest > kUnit / 2 || (rest == kUnit / 2 && quotient % 2 != 0);
      break;
    case Rounding::down:
      break;
    case Rounding::up:
      quotient += rest != 0;
      break;
  }
  return Amount(quotient);
}

Amount fee_of(Amount amount, const FeeRule& rule, Rounding rounding) {
  if (amount == Amount()) return Amount();
  auto fee = std::max(apply_rate(amount, rule.rate, rounding) + rule.fixed, rule.min);
  if (rule.max) fee = std::min(fee, *rule.max);
  return fee;
}

Fees whole_fees(Amount amount, const FeeRule& commission, const FeeRule& processor_fee, Rounding rounding) {
  return {fee_of(amount, commission, rounding), fee_of(amount, processor_fee, rounding)};
}

Fees part_fees(Amount part, Amount released, Fees recorded, const FeeRule& commission,
               const FeeRule& processor_fee, Rounding rounding) {
  HOLDFAST_ASSERT(part >= Amount() && released >= Amount(), "parts are not negative");
  if (planted(PlantedBug::forget_fees_of_parts)) {
    auto fees = whole_fees(part, commission, processor_fee, rounding);
    fees.processor_fee = std::min(fees.processor_fee, part);
    fees.commission = std::min(fees.commission, part - fees.processor_fee);
    return fees;
  }
  const auto due = whole_fees(released + part, commission, processor_fee, rounding);
  const auto owed = [](Amount total, Amount taken) { return std::max(total - taken, Amount()); };
  Fees fees;
  fees.processor_fee = std::min(owed(due.processor_fee, recorded.processor_fee), part);
  fees.commission = std::min(owed(due.commission, recorded.commission), part - fees.processor_fee);
  HOLDFAST_ASSERT(fees.commission + fees.processor_fee <= part, "a part's net is not negative");
  return fees;
}

}  // namespace holdfast
