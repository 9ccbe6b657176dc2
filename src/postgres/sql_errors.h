// What an error of the server means here.
#pragma once

#include "holdfast/result.h"
#include "postgres/session.h"

namespace holdfast::postgres {

enum class SqlFault : std::uint8_t {
  connection,      // lost, or the server is stopping or starting: connect again
  conflict,        // deadlock or serialization failure: a new transaction may succeed
  lock_timeout,    // somebody keeps a row for long
  raced_name,      // another transaction made the same name or key at the same time: look again
  storage_full,
  read_only,
  corrupt,         // damaged rows, or a change that a constraint of a law refused
  other,
};
[[nodiscard]] SqlFault fault_of(const SqlError& error);

/// For the caller, once nothing more is tried.
[[nodiscard]] Error to_error(const SqlError& error);

}  // namespace holdfast::postgres
