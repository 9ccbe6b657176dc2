// Sessions that a caller owns, behind the port that the store speaks to.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "holdfast/postgres.h"
#include "postgres/session.h"

namespace holdfast::postgres {

/// The caller's session over another driver. It must outlive what is returned.
[[nodiscard]] std::unique_ptr<Session> over_port(PostgresSession& port);

/// The caller's transaction, for code that expects one of its own: a BEGIN becomes a savepoint, a COMMIT
/// keeps it, a ROLLBACK returns to it. What the caller's settings were is put back with each; only
/// `synchronous_commit` stays at `on` or above for a transaction in which something was kept.
///
/// No lock is waited for longer than the caller's own `lock_timeout`, where he set one. A lost connection is
/// an error like others, since nothing can be found out about a transaction that somebody else commits.
class InsideTransaction final : public Session {
 public:
  explicit InsideTransaction(std::unique_ptr<Session> session) : session_(std::move(session)) {}

  [[nodiscard]] std::expected<ResultSets, SqlError> run(std::span<const Statement> statements) override;
  [[nodiscard]] std::expected<void, SqlError> run_script(std::string_view sql) override;

 private:
  struct Rewritten;

  std::unique_ptr<Session> session_;
  std::vector<std::string> settings_;  // the caller's, while a savepoint is open
  std::string encoding_;
  bool open_ = false;
  bool reads_ = false;
};

/// As a caller gets it who may go on in his transaction.
[[nodiscard]] Error to_callers_error(const SqlError& error);

}  // namespace holdfast::postgres
