// Fees as the contract words them, over exact fractions: a rate is billionths / 10^9, and the rounded value
// is the integer nearest to it in the wanted direction.
#include <algorithm>

#include "sim/model.h"

namespace holdfast::sim {
namespace {

Wide rounded(Wide numerator, Wide denominator, Rounding rounding) {
  const Wide floor = numerator / denominator;
  const Wide below = numerator - floor * denominator;
  const Wide above = (floor + 1) * denominator - numerator;
  if (below == 0) return floor;
  switch (rounding) {
    case Rounding::down:
      return floor;
    case Rounding::up:
      return floor + 1;
    case Rounding::half_up:
      return below < above ? floor : floor + 1;
    case Rounding::half_even:
      if (below == above) return floor % 2 == 0 ? floor : floor + 1;
      return below < above ? floor : floor + 1;
  }
  return floor;
}

Wide fee(Wide amount, const FeeRule& rule, Rounding rounding) {
  if (amount == 0) return 0;
  Wide value = rounded(amount * rule.rate.billionths(), 1'000'000'000, rounding) + rule.fixed.minor();
  if (value < rule.min.minor()) value = rule.min.minor();
  if (rule.max && value > rule.max->minor()) value = rule.max->minor();
  return value;
}

}  // namespace

ModelFees model_whole_fees(Wide amount, const ModelPlan& plan) {
  return {fee(amount, plan.commission, plan.rounding), fee(amount, plan.processor_fee, plan.rounding)};
}

ModelFees model_part_fees(Wide part, const ModelEscrow& escrow, const ModelPlan& plan) {
  const auto owed = model_whole_fees(escrow.released + part, plan);
  const Wide processor_fee = std::clamp<Wide>(owed.processor_fee - escrow.processor_fee, 0, part);
  const Wide commission = std::clamp<Wide>(owed.commission - escrow.commission, 0, part - processor_fee);
  return {commission, processor_fee};
}

}  // namespace holdfast::sim
