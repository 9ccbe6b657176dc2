// What a batch comes to, as the command line takes and shows it: `EUR:3:150.00:7.50:4.35:138.15` is the
// currency, how many escrows, their amount, commission, fees and net; a refund has the first three. Where
// nothing moves it is `nothing`.
#pragma once

#include <string>
#include <vector>

#include "holdfast/answers.h"

namespace holdfast::cli {

/// Of `--expect`, given once a currency. \param with_fees  of a release
/// Errors: `invalid_command`, which says how it is written; `amount_out_of_range`.
[[nodiscard]] Result<Expectation> parse_expectation(const std::vector<std::string>& texts, bool with_fees);

/// The options that hold a command to what its dry run came to: `--expect EUR:3:150.00:7.50:4.35:138.15`.
[[nodiscard]] std::string expect_options(const Settlement& settlement);

}  // namespace holdfast::cli
