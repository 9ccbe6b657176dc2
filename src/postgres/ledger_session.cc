#include "postgres/ledger_session.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "postgres/binary_format.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {
namespace {

constexpr std::string_view kLost = "58030";  // io_error

// Names and texts go as UTF-8, and no operator of another schema may take the place of PostgreSQL's own.
constexpr std::string_view kReadEncoding = "select pg_catalog.current_setting('client_encoding')";
constexpr std::string_view kSetEncoding = "select pg_catalog.set_config('client_encoding', $1, true)";
constexpr std::string_view kReadSettings =
    "select pg_catalog.current_setting('search_path'), pg_catalog.current_setting('lock_timeout'), "
    "pg_catalog.current_setting('enable_seqscan'), pg_catalog.current_setting('jit'), "
    "pg_catalog.current_setting('random_page_cost')";
constexpr std::size_t kSettings = 5;
constexpr std::string_view kSetPath = "select pg_catalog.set_config('search_path', 'pg_catalog', true)";
// What kTransactionSettings sets, but for a lock_timeout that the caller has.
constexpr std::string_view kSetOurs =
    "select set_config('lock_timeout', case current_setting('lock_timeout') when '0' then $1 else "
    "current_setting('lock_timeout') end, true), set_config('synchronous_commit', case "
    "current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, true), "
    "set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true), "
    "set_config('random_page_cost', '1.1', true)";
constexpr std::string_view kPutBack =
    "select pg_catalog.set_config('lock_timeout', $2, true), pg_catalog.set_config('enable_seqscan', $3, "
    "true), pg_catalog.set_config('jit', $4, true), pg_catalog.set_config('random_page_cost', $5, true), "
    "pg_catalog.set_config('search_path', $1, true)";
constexpr std::string_view kSavepoint = "savepoint holdfast_attached";
constexpr std::string_view kReturn = "rollback to savepoint holdfast_attached";
constexpr std::string_view kRelease = "release savepoint holdfast_attached";

/// Rows that a driver gave.
class PortRows final : public ResultSet {
 public:
  explicit PortRows(PostgresRows rows) : rows_(std::move(rows)) {
    const auto columns = rows_.types.size();
    HOLDFAST_ASSERT(columns == 0 ? rows_.values.empty() : rows_.values.size() % columns == 0,
                    "a driver's rows have one value a column");
  }

  [[nodiscard]] std::size_t rows() const override {
    return rows_.types.empty() ? 0 : rows_.values.size() / rows_.types.size();
  }
  [[nodiscard]] std::size_t changed() const override { return 0; }
  [[nodiscard]] bool is_null(std::size_t row, std::size_t column) const override {
    return !at(row, column).has_value();
  }
  [[nodiscard]] bool boolean(std::size_t row, std::size_t column) const override {
    return bytes(row, column).front() != std::byte{0};
  }
  [[nodiscard]] std::int64_t integer(std::size_t row, std::size_t column) const override {
    return read_integer(bytes(row, column));
  }
  [[nodiscard]] std::string_view text(std::size_t row, std::size_t column) const override {
    return *at(row, column);
  }
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t row, std::size_t column) const override {
    const auto& value = at(row, column);
    HOLDFAST_ASSERT(value.has_value(), "a value that is read is not null");
    return std::as_bytes(std::span(*value));
  }
  [[nodiscard]] Timestamp time(std::size_t row, std::size_t column) const override {
    return read_time(bytes(row, column));
  }
  [[nodiscard]] RowPlace place(std::size_t row, std::size_t column) const override {
    return read_place(bytes(row, column));
  }

 private:
  [[nodiscard]] const std::optional<std::string>& at(std::size_t row, std::size_t column) const {
    HOLDFAST_ASSERT(row < rows() && column < rows_.types.size(), "a value that is there is read");
    return rows_.values[row * rows_.types.size() + column];
  }

  PostgresRows rows_;
};

class PortSession final : public Session {
 public:
  explicit PortSession(PostgresSession& port) : port_(port) {}

  [[nodiscard]] std::expected<ResultSets, SqlError> run(std::span<const Statement> statements) override {
    std::vector<PostgresStatement> asked;
    asked.reserve(statements.size());
    for (const auto& statement : statements) {
      auto& one = asked.emplace_back();
      one.sql = statement.sql;
      for (const auto& value : statement.values) {
        auto [type, null, bytes] = to_parameter(value);
        auto& given = one.values.emplace_back(PostgresValue{type, std::nullopt});
        if (!null) given.bytes.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      }
    }
    auto answered = port_.run(asked);
    if (!answered) {
      return std::unexpected(
          SqlError{std::move(answered.error().state), std::move(answered.error().message)});
    }
    HOLDFAST_ASSERT(answered->size() == statements.size(), "a driver gives one result a statement");
    ResultSets results;
    results.reserve(answered->size());
    for (auto& rows : *answered) results.push_back(std::make_unique<PortRows>(std::move(rows)));
    return results;
  }
  [[nodiscard]] std::expected<void, SqlError> run_script(std::string_view) override {
    return std::unexpected(SqlError{"0A000", "a script is nothing for a caller's session"});
  }

 private:
  PostgresSession& port_;
};

}  // namespace

std::unique_ptr<Session> over_port(PostgresSession& port) {
  return std::make_unique<PortSession>(port);
}

struct InsideTransaction::Rewritten {
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  std::vector<Statement> statements;
  std::vector<std::size_t> results;  // of each that was asked, which of `statements` answers it
  std::size_t encoding = kNone;
  std::size_t settings = kNone;
  bool ends = false;
};

std::expected<ResultSets, SqlError> InsideTransaction::run(std::span<const Statement> asked) {
  Rewritten now;
  auto& out = now.statements;
  for (const auto& statement : asked) {
    if (statement.sql.starts_with("begin")) {
      reads_ = statement.sql.ends_with("read only");
      open_ = true;
      out.push_back({kSavepoint});
      now.encoding = out.size();
      out.push_back({kReadEncoding});
      out.push_back({kSetEncoding, {"UTF8"}});
      now.settings = out.size();
      out.push_back({kReadSettings});
      out.push_back({kSetPath});
    } else if (statement.sql == kTransactionSettings) {
      out.push_back({kSetOurs, statement.values});
    } else if (statement.sql == "rollback" || (statement.sql == "commit" && reads_)) {
      if (!open_) return std::unexpected(SqlError{"25P01", "no savepoint is open"});
      out.push_back({kReturn});  // takes the settings back too
      out.push_back({kRelease});
      now.ends = true;
    } else if (statement.sql == "commit") {
      std::vector<Value> values(settings_.begin(), settings_.end());
      out.push_back({kPutBack, std::move(values)});
      out.push_back({kSetEncoding, {encoding_}});
      out.push_back({kRelease});
      now.ends = true;
    } else {
      out.push_back(statement);
    }
    now.results.push_back(out.size() - 1);
  }

  auto results = session_->run(out);
  if (!results) {
    auto error = std::move(results.error());
    // Without a transaction, or in an aborted one, there is no savepoint to return to.
    if (error.state == "25P01" || error.state == "25P02") open_ = false;
    if (fault_of(error) == SqlFault::connection) {
      open_ = false;
      error.state = kLost;
    }
    return std::unexpected(std::move(error));
  }
  if (now.encoding != Rewritten::kNone) encoding_ = (*results)[now.encoding]->text(0, 0);
  if (now.settings != Rewritten::kNone) {
    settings_.clear();
    for (std::size_t i = 0; i < kSettings; ++i) settings_.emplace_back((*results)[now.settings]->text(0, i));
  }
  if (now.ends) open_ = false;
  ResultSets wanted;
  wanted.reserve(now.results.size());
  for (const auto i : now.results) wanted.push_back(std::move((*results)[i]));
  return wanted;
}

std::expected<void, SqlError> InsideTransaction::run_script(std::string_view) {
  return std::unexpected(SqlError{"0A000", "a script is nothing for a caller's transaction"});
}

Error to_callers_error(const SqlError& error) {
  const std::string_view state = error.state;
  if (state == "25P01") {
    return fail(ErrorCode::invalid_command,
                "no transaction is open on the connection: BEGIN one, then give the command")
        .error();
  }
  if (state == "25P02") {
    return fail(ErrorCode::aborted,
                "an earlier statement of the transaction failed: roll it back, or back to a savepoint before "
                "it")
        .error();
  }
  if (state == "55000") return fail(ErrorCode::invalid_command, error.message).error();
  if (state == kLost) {
    return fail(ErrorCode::storage_failed,
                fmt::format("the connection was lost, and the transaction with it: {}", error.message))
        .error();
  }
  auto out = to_error(error);
  if (out.code == ErrorCode::busy) {
    out.message +=
        ": nothing of the command was done. It is not tried again inside your transaction: roll that back "
        "and "
        "begin it anew, or try the command once more at READ COMMITTED";
  }
  return out;
}

}  // namespace holdfast::postgres
