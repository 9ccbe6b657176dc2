// What every store asks of a query, and says where what it names is not there: the same words from each.
#pragma once

#include <string_view>

#include "holdfast/queries.h"
#include "holdfast/result.h"

namespace holdfast {

/// `invalid_command` where a page is not of 1 to kMaxPage rows.
[[nodiscard]] Result<void> check_limit(std::size_t limit);
/// The limit, and that the filter names one list at most. `invalid_command`.
[[nodiscard]] Result<void> check_filter(const EscrowFilter& filter);

/// `account_not_found`, `escrow_not_found`, `group_not_found`.
[[nodiscard]] std::unexpected<Error> no_account(std::string_view name);
[[nodiscard]] std::unexpected<Error> no_escrow(const EscrowRef& ref);
[[nodiscard]] std::unexpected<Error> no_group(std::string_view name);

/// `overflow`: the sums of a group's escrows are beyond what an Amount can be.
[[nodiscard]] std::unexpected<Error> too_large_sums(std::string_view group, Currency currency);

}  // namespace holdfast
