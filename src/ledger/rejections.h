// How rejections are worded: one line that names the thing and says what to do.
#pragma once

#include <string>
#include <string_view>

#include "holdfast/money.h"
#include "holdfast/result.h"

namespace holdfast {

[[nodiscard]] inline std::unexpected<Error> invalid(std::string_view field, std::string message) {
  Error error;
  error.code = ErrorCode::invalid_command;
  error.message = std::move(message);
  error.fields.emplace_back(field);
  return std::unexpected(std::move(error));
}

/// `12.50 EUR`.
[[nodiscard]] inline std::string with_currency(Amount amount, Currency currency) {
  return to_decimal(amount, currency).append(" ").append(currency.code());
}

}  // namespace holdfast
