// What a server's errors mean.
#include "postgres/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdfast::postgres {
namespace {

struct StateCode {
  std::string_view state;
  ErrorCode code;
};
constexpr std::array<StateCode, 9> kCodes{{{"53100", ErrorCode::storage_full},  // disk_full
                                           {"53300", ErrorCode::busy},          // too_many_connections
                                           {"57014", ErrorCode::busy},          // query_canceled: a timeout
                                           {"57P03", ErrorCode::busy},          // cannot_connect_now
                                           {"25006", ErrorCode::read_only},     // read_only_sql_transaction
                                           {"XX001", ErrorCode::corrupt},       // data_corrupted
                                           {"XX002", ErrorCode::corrupt},       // index_corrupted
                                           // A law that a row states was to be broken: the rows are wrong.
                                           {"23514", ErrorCode::corrupt},    // check_violation
                                           {"22003", ErrorCode::corrupt}}};  // numeric_value_out_of_range

}  // namespace

SqlFault fault_of(const SqlError& error) {
  const std::string_view state = error.state;
  if (state.empty() || state.starts_with("08") || state.starts_with("57P")) return SqlFault::connection;
  if (state == "40001" || state == "40P01") return SqlFault::conflict;
  if (state == "55P03") return SqlFault::lock_timeout;
  if (state == "23505") return SqlFault::unique;
  return SqlFault::other;
}

Error to_error(const SqlError& error) {
  if (error.connection_lost()) {
    return fail(ErrorCode::storage_failed,
                fmt::format("the connection to PostgreSQL was lost: {}", error.message))
        .error();
  }
  const auto fault = fault_of(error);
  const bool in_the_way =
      fault == SqlFault::conflict || fault == SqlFault::lock_timeout || fault == SqlFault::unique;
  auto code = in_the_way ? ErrorCode::busy : ErrorCode::storage_failed;
  const auto known = std::ranges::find(kCodes, error.state, &StateCode::state);
  if (known != kCodes.end()) code = known->code;
  std::string_view hint;
  if (code == ErrorCode::read_only)
    hint = ": this server is a replica, or is set to be read only. Commands go to the primary";
  if (error.state == "42501") {  // insufficient_privilege
    hint =
        ": commands and queries need a role with the rights of holdfast_app (GRANT holdfast_app TO it), "
        "`migrate` "
        "and `init` the schema's owner";
  }
  return fail(code, fmt::format("PostgreSQL: {} (SQLSTATE {}){}", error.message, error.state, hint)).error();
}

}  // namespace holdfast::postgres
