// A ledger inside the caller's own PostgreSQL transaction: `Ledger::attach` (ledger.h). Over libpq it takes
// the PGconn; this port is for any other driver.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct pg_conn;  // libpq's PGconn

namespace holdfast {

/// A value in PostgreSQL's binary format. \param type  its number in pg_type; 0: the server infers it
struct PostgresValue {
  std::uint32_t type = 0;
  std::optional<std::string> bytes;  // none: null
};

/// $1, $2, … in `sql` are the values.
struct PostgresStatement {
  std::string sql;
  std::vector<PostgresValue> values;
};

/// What one statement gave: `types` has one number a column, `values` one value a column, row after row, in
/// binary format. Both are empty where the statement gives no rows.
struct PostgresRows {
  std::vector<std::uint32_t> types;
  std::vector<std::optional<std::string>> values;
};

struct PostgresError {
  std::string state;    // SQLSTATE; empty where the connection was lost
  std::string message;  // in one line
};

/// The caller's connection, by the driver that he uses. Not thread-safe.
class PostgresSession {
 public:
  virtual ~PostgresSession() = default;
  /// Runs the statements in order, and gives the rows of each. The first that fails ends it: those after it
  /// are not run. Nothing of the driver's may come between: no transaction that it begins by itself, no
  /// savepoint, no server-side prepared statement that stays. SAVEPOINT and the like are statements too.
  [[nodiscard]] virtual std::expected<std::vector<PostgresRows>, PostgresError> run(
      std::span<const PostgresStatement> statements) = 0;
};

}  // namespace holdfast
