#include "ledger/query_checks.h"

#include <fmt/format.h>

namespace holdfast {

Result<void> check_limit(std::size_t limit) {
  if (limit >= 1 && limit <= kMaxPage) return {};
  auto error =
      fail(ErrorCode::invalid_command, fmt::format("limit is {}; a page has 1 to {} rows", limit, kMaxPage));
  error.error().fields = {"limit"};
  return error;
}

Result<void> check_filter(const EscrowFilter& filter) {
  if (auto fits = check_limit(filter.limit); !fits) return fits;
  if (!filter.group.empty() + !filter.payer.empty() + !filter.beneficiary.empty() > 1) {
    return fail(ErrorCode::invalid_command, "give at most one of group, payer and beneficiary");
  }
  return {};
}

std::unexpected<Error> no_account(std::string_view name) {
  return fail(ErrorCode::account_not_found, fmt::format("there is no account \"{}\"", name));
}

std::unexpected<Error> no_escrow(const EscrowRef& ref) {
  return ref.key.empty()
             ? fail(ErrorCode::escrow_not_found, fmt::format("there is no escrow {}", ref.id.value()))
             : fail(ErrorCode::escrow_not_found,
                    fmt::format("there is no escrow with the key \"{}\"", ref.key));
}

std::unexpected<Error> no_group(std::string_view name) {
  return fail(ErrorCode::group_not_found, fmt::format("there is no group \"{}\": no hold named it", name));
}

std::unexpected<Error> too_large_sums(std::string_view group, Currency currency) {
  return fail(ErrorCode::overflow,
              fmt::format("the {} amounts of all escrows of group \"{}\" sum to more than 2^63 - 1 minor "
                          "units: add up its escrows page by page",
                          currency.code(), group));
}

}  // namespace holdfast
