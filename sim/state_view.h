// The engine's state in the model's terms, so that the two can be compared row by row.
#pragma once

#include <string>

#include "journal/state.h"
#include "sim/model.h"

namespace holdfast::sim {

/// Accounts, escrows, groups and the latest plans; `keys` and `seq` are left out.
[[nodiscard]] ModelBook view_of(const journal::State& state);

/// Empty where the two agree; else the first row that differs.
[[nodiscard]] std::string difference(const ModelBook& expected, const ModelBook& actual);

/// A hash of all of it, to compare two runs of one seed.
[[nodiscard]] std::uint64_t fingerprint(const ModelBook& book);

/// What the state answers from its own indexes and sums (lists, due dates, groups, totals), checked against
/// its rows as they are in `view`. Empty where all agree.
[[nodiscard]] std::string check_indexes(const journal::State& state, const ModelBook& view);

}  // namespace holdfast::sim
