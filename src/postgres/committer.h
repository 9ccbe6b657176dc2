// Runs commands in transactions of their own until they are decided: what a conflict, a lock that is kept, or
// a lost connection undid is tried again in a new transaction, a bounded number of times.
#pragma once

#include <atomic>
#include <functional>

#include "base/clock.h"
#include "holdfast/queries.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {

struct RetryCounts {
  std::atomic<std::uint64_t> conflicts{0};
  std::atomic<std::uint64_t> lock_timeouts{0};
  std::atomic<std::uint64_t> raced_names{0};
  std::atomic<std::uint64_t> reconnects{0};
  std::atomic<std::uint64_t> given_up{0};

  [[nodiscard]] RetryStatus status() const;
};

/// A connection that is made when it is first needed, and anew when it was lost.
class Connection {
 public:
  explicit Connection(std::string conninfo) : conninfo_(std::move(conninfo)) {}
  /// One that its owner keeps, whatever happens to it.
  explicit Connection(Session& kept) : kept_(&kept) {}

  [[nodiscard]] Result<Session*> get();
  void drop() { session_.reset(); }

 private:
  std::string conninfo_;
  Session* kept_ = nullptr;
  std::unique_ptr<Session> session_;
};

/// One worker's hands. Not thread-safe; the counts and plans are shared.
class Committer {
 public:
  Committer(std::string conninfo, const LedgerRef& ledger, PlanCache& plans, RetryCounts& counts)
      : connection_(std::move(conninfo)), ledger_(ledger), plans_(plans), counts_(counts) {}
  Committer(Session& kept, const LedgerRef& ledger, PlanCache& plans, RetryCounts& counts)
      : connection_(kept), ledger_(ledger), plans_(plans), counts_(counts) {}

  /// Decides the commands in order, in one transaction where possible, and gives each answer once it is
  /// durable.
  /// \return how many events were recorded
  std::uint64_t run(std::span<const Command* const> commands,
                    const std::function<void(std::size_t, Result<StoreAnswer>)>& answer);

  /// Runs the caller's block in a transaction; what it did is one event. It is not run twice: a conflict is
  /// `busy`.
  [[nodiscard]] Result<StoreAnswer> run_block(const Options& options, std::chrono::milliseconds time_limit,
                                              const std::function<Result<void>(TransactionPort&)>& block);

 private:
  enum class Fate : std::uint8_t { committed, undone, unknown };

  struct Failure {
    Error error;
    SqlFault fault = SqlFault::other;
  };

  [[nodiscard]] std::expected<Outcome, Failure> settle(std::span<const Command* const> commands, int tries,
                                                       std::chrono::milliseconds lock_timeout);
  [[nodiscard]] Fate find_out(const Trace& trace);
  void roll_back(Session& session);
  void count(SqlFault fault);

  Connection connection_;
  const LedgerRef& ledger_;
  PlanCache& plans_;
  RetryCounts& counts_;
  Workspace workspace_;
};

/// For a caller whose commit was not answered, and about which nothing could be found out.
[[nodiscard]] std::unexpected<Error> unknown_outcome(const Error& cause);

/// How long to wait before try number `attempt` (from 1): doubling, with jitter, at most a second.
[[nodiscard]] std::chrono::milliseconds backoff(int attempt);

}  // namespace holdfast::postgres
