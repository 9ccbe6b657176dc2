#include "postgres/sql_errors.h"

#include <fmt/format.h>

namespace holdfast::postgres {

SqlFault fault_of(const SqlError& error) {
  const std::string_view state = error.state;
  if (state.empty() || state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03") {
    return SqlFault::connection;
  }
  if (state == "40001" || state == "40P01") return SqlFault::conflict;
  if (state == "55P03") return SqlFault::lock_timeout;
  if (state == "23505") return SqlFault::raced_name;
  if (state == "53100" || state == "53200") return SqlFault::storage_full;
  if (state == "25006") return SqlFault::read_only;
  if (state.starts_with("23") || state.starts_with("22") || state == "XX001" || state == "XX002") {
    return SqlFault::corrupt;
  }
  return SqlFault::other;
}

Error to_error(const SqlError& error) {
  const auto says = error.state.empty() ? error.message : fmt::format("{} ({})", error.message, error.state);
  switch (fault_of(error)) {
    case SqlFault::conflict:
    case SqlFault::raced_name:
      return fail(ErrorCode::busy, fmt::format("other transactions were in the way: {}; try again", says)).error();
    case SqlFault::lock_timeout:
      return fail(ErrorCode::busy,
                  fmt::format("another transaction keeps rows that this needs: {}; try again", says))
          .error();
    case SqlFault::storage_full:
      return fail(ErrorCode::storage_full, fmt::format("the server has no room: {}", says)).error();
    case SqlFault::read_only:
      return fail(ErrorCode::read_only, fmt::format("the server or session only reads: {}", says)).error();
    case SqlFault::corrupt:
      return fail(ErrorCode::corrupt, fmt::format("rows of the ledger are not as Holdfast writes them: {}", says))
          .error();
    case SqlFault::connection:
      return fail(ErrorCode::storage_failed, fmt::format("no connection to the server: {}", says)).error();
    case SqlFault::other:
      break;
  }
  return fail(ErrorCode::storage_failed, fmt::format("the server says: {}", says)).error();
}

}  // namespace holdfast::postgres
