// The small port that SQL goes through: libpq (libpq_session.h), or another driver's cursor.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "holdfast/result.h"
#include "holdfast/time.h"

namespace holdfast::postgres {

/// Where a row version is in its table, which does not change while the row is locked: PostgreSQL's tid.
struct RowPlace {
  std::uint32_t block = 0;
  std::uint16_t item = 0;
};

/// A parameter. Integers go as int8, times as timestamptz, and vectors as one-dimensional arrays of these.
using Value = std::variant<std::monostate,  // null
                           bool, std::int64_t, std::string, Bytes, Timestamp, std::vector<bool>,
                           std::vector<std::int64_t>, std::vector<std::optional<std::int64_t>>,
                           std::vector<std::string>, std::vector<Bytes>,
                           std::vector<std::optional<Timestamp>>, std::vector<RowPlace>>;

struct Statement {
  std::string_view sql;  // outlives the call; $1, $2, ... are the values
  std::vector<Value> values{};
};

/// The rows of one statement. Rows and columns count from 0. \pre each is there, not null but where the
/// function says so, and of the type that the function reads
class ResultSet {
 public:
  virtual ~ResultSet() = default;
  [[nodiscard]] virtual std::size_t rows() const = 0;
  /// Rows that an insert, update or delete changed.
  [[nodiscard]] virtual std::size_t changed() const = 0;
  [[nodiscard]] virtual bool is_null(std::size_t row, std::size_t column) const = 0;
  [[nodiscard]] virtual bool boolean(std::size_t row, std::size_t column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(std::size_t row, std::size_t column) const = 0;  // int2, 4 or 8
  /// text, and names; lives as long as the result
  [[nodiscard]] virtual std::string_view text(std::size_t row, std::size_t column) const = 0;
  [[nodiscard]] virtual std::span<const std::byte> bytes(std::size_t row, std::size_t column) const = 0;
  [[nodiscard]] virtual Timestamp time(std::size_t row, std::size_t column) const = 0;
  [[nodiscard]] virtual RowPlace place(std::size_t row, std::size_t column) const = 0;
};

struct SqlError {
  std::string state;    // SQLSTATE; empty where the connection was lost
  std::string message;  // the server's, in one line
  std::string constraint{};
  [[nodiscard]] bool connection_lost() const { return state.empty(); }
};

/// What the server would say of rows that were damaged.
[[nodiscard]] inline SqlError data_corrupted(std::string message) {
  return {"XX001", std::move(message)};
}
enum class SqlFault : std::uint8_t {
  connection,    // lost, or the server is stopping or starting: connect again
  conflict,      // deadlock or serialization failure: the same work may succeed in a new transaction
  lock_timeout,  // another transaction keeps a row
  unique,        // another transaction made the same name or key meanwhile: look again
  other,
};
[[nodiscard]] SqlFault fault_of(const SqlError& error);
/// As a caller gets it: `busy` where trying again may help, `storage_full`, `read_only` and `corrupt` where
/// the server says so, else `storage_failed`.
[[nodiscard]] Error to_error(const SqlError& error);

using ResultSets = std::vector<std::unique_ptr<ResultSet>>;

/// One connection to a server. Not thread-safe.
class Session {
 public:
  virtual ~Session() = default;

  /// Sends all statements at once and gives their results in order, each seeing what those before it did.
  /// The first that fails ends it: those after it are not run. BEGIN, COMMIT and the like are statements too.
  /// Outside of a transaction all statements are one, rolled back where one of them fails; a BEGIN among them
  /// takes in those before it.
  [[nodiscard]] virtual std::expected<ResultSets, SqlError> run(std::span<const Statement> statements) = 0;

  /// Runs a text of several statements, without values and results; the rules of `run` hold.
  [[nodiscard]] virtual std::expected<void, SqlError> run_script(std::string_view sql) = 0;
};

}  // namespace holdfast::postgres
