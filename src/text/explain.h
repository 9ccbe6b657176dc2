// The history of one escrow in words, each amount with how it came about.
#pragma once

#include <string>
#include <vector>

#include "holdfast/answers.h"

namespace holdfast::text {

/// Several lines, each ended:
///
///     pledge:8812   9.99 EUR   user:42 → campaign:7   RELEASED   fee plan standard v1
///       held       2026-11-20 09:14:03 UTC   by "shop"      seq 17
///       released   2026-11-24 10:00:00 UTC   by "finance"   seq 4,210 (with 2,499 others of campaign:7)
///       commission 0.50 = 9.99 × 5 % = 0.4995, half up      → platform:commission
[[nodiscard]] std::string explain(const EscrowView& escrow, const std::vector<EscrowHistoryLine>& history);

/// Of each line of the history, how its amounts came about and who gets them:
/// `commission 0.50 = 9.99 × 5 % = 0.4995, half up → platform:commission`
[[nodiscard]] std::vector<std::vector<std::string>> explained_amounts(
    const EscrowView& escrow, const std::vector<EscrowHistoryLine>& history);

/// How a fee came about: `0.50 = 9.99 × 5 % = 0.4995, half up`.
/// \param before    released before this part, and \param recorded  the fees taken for that
/// \param part      what is released now, and \param fee  what was taken for it
struct FeeStep {
  Amount before;
  Amount recorded;
  Amount part;
  Amount fee;
};
[[nodiscard]] std::string explain_fee(const FeeStep& step, const FeeRule& rule, Rounding rounding,
                                      Currency currency);

}  // namespace holdfast::text
