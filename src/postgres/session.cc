// What a server's errors mean.
#include "postgres/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdfast::postgres {
namespace {

constexpr std::string_view kUniqueViolation = "23505";
constexpr std::array<std::string_view, 3> kRetryable{"40001", "40P01", "55P03"};

struct StateCode {
  std::string_view state;
  ErrorCode code;
};
constexpr std::array<StateCode, 7> kCodes{{{"53100", ErrorCode::storage_full},  // disk_full
                                           {"53300", ErrorCode::busy},          // too_many_connections
                                           {"57014", ErrorCode::busy},          // query_canceled: a timeout
                                           {"57P03", ErrorCode::busy},          // cannot_connect_now
                                           {"25006", ErrorCode::read_only},     // read_only_sql_transaction
                                           {"XX001", ErrorCode::corrupt},       // data_corrupted
                                           {"XX002", ErrorCode::corrupt}}};     // index_corrupted

}  // namespace

bool is_retryable(const SqlError& error) {
  return std::ranges::find(kRetryable, error.state) != kRetryable.end();
}

bool is_unique_violation(const SqlError& error) {
  return error.state == kUniqueViolation;
}

Error to_error(const SqlError& error) {
  if (error.connection_lost()) {
    return fail(ErrorCode::storage_failed,
                fmt::format("the connection to PostgreSQL was lost: {}", error.message))
        .error();
  }
  auto code = is_retryable(error) ? ErrorCode::busy : ErrorCode::storage_failed;
  const auto known = std::ranges::find(kCodes, error.state, &StateCode::state);
  if (known != kCodes.end()) code = known->code;
  return fail(code, fmt::format("PostgreSQL: {} (SQLSTATE {})", error.message, error.state)).error();
}

}  // namespace holdfast::postgres
