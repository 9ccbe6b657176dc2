// Each command runs under a savepoint: one that is accepted is kept, and anything else leaves the transaction
// as it was, its locks too. Nothing is sealed here, since whoever seals has to see what is committed.
#include "postgres/attached.h"

#include <fmt/format.h>

#include <array>
#include <tuple>

#include "ledger/validate.h"
#include "postgres/committer.h"
#include "postgres/ledger_session.h"
#include "postgres/libpq_session.h"
#include "postgres/querying_store.h"
#include "postgres/schema.h"

namespace holdfast::postgres {
namespace {

constexpr std::string_view kBegin = "begin";
constexpr std::string_view kLockTimeoutMs = "3000";  // where the caller has set none

class AttachedStore final : public QueryingStore<AttachedStore> {
 public:
  AttachedStore(std::unique_ptr<Session> session, std::string_view ledger)
      : session_(std::move(session)),
        ledger_{0, std::string(ledger)},
        committer_(session_, ledger_, plans_, counts_) {}

  /// Decided before it returns.
  void submit(Command command, Done done) override { done(execute(command)); }

  Result<StoreAnswer> execute(const Command& command) override {
    if (auto begun = begin(); !begun) return std::unexpected(std::move(begun.error()));
    Attempt attempt(session_, ledger_, plans_, workspace_);
    const std::array<const Command*, 1> commands{&command};
    auto outcome = attempt.run_inside(commands);
    if (!outcome) {
      auto error = to_callers_error(outcome.error());
      std::ignore = end("rollback");
      return std::unexpected(std::move(error));
    }
    if (auto ended = end(outcome->events > 0 ? "commit" : "rollback"); !ended) {
      return std::unexpected(std::move(ended.error()));
    }
    return std::move(outcome->answers.front());
  }

  Result<StoreAnswer> transact(const Options& options, std::chrono::milliseconds time_limit,
                               const std::function<Result<void>(TransactionPort&)>& block) override {
    if (auto begun = begin(); !begun) return std::unexpected(std::move(begun.error()));
    if (auto ended = end("rollback"); !ended) return std::unexpected(std::move(ended.error()));
    return committer_.run_block(options, time_limit, block);
  }

  /// Reads all of the history in one snapshot, which the caller's transaction may not have.
  Result<AuditReport> audit(const std::function<void(Seq, Seq)>&, const std::stop_token&) override {
    return fail(ErrorCode::invalid_command,
                "an audit needs a snapshot of its own: open the ledger by its url for it");
  }
  Result<LedgerStatus> status() override {
    return ask([&](Queries queries) { return queries.status(); });
  }

 private:
  friend class QueryingStore<AttachedStore>;

  /// Opens a savepoint. The first time it looks for the ledger, under that savepoint.
  Result<void> begin() {
    const std::array<Statement, 2> statements{
        {{kBegin}, {kTransactionSettings, {std::string(kLockTimeoutMs)}}}};
    if (auto begun = session_.run(statements); !begun) {
      auto error = to_callers_error(begun.error());
      std::ignore = end("rollback");  // the savepoint, where it came to be
      return std::unexpected(std::move(error));
    }
    if (ledger_.number != 0) return {};
    auto found = find();
    if (!found) std::ignore = end("rollback");
    return found;
  }

  Result<void> find() {
    constexpr std::string_view kFind = "select ledger from holdfast.ledgers where name = $1";
    if (auto fits = check_schema(session_); !fits) return fits;
    const std::array<Statement, 1> ask{{{kFind, {ledger_.name}}}};
    const auto found = session_.run(ask);
    if (!found) return std::unexpected(to_callers_error(found.error()));
    if (found->front()->rows() == 0) {
      return fail(ErrorCode::not_a_ledger,
                  fmt::format("the database has no ledger \"{}\": `holdfast init` makes it", ledger_.name));
    }
    ledger_.number = found->front()->integer(0, 0);
    return {};
  }

  Result<void> end(std::string_view how) {
    const std::array<Statement, 1> statements{{{how}}};
    auto ended = session_.run(statements);
    if (ended) return {};
    auto error = to_callers_error(ended.error());
    const std::array<Statement, 1> rollback{{{"rollback"}}};
    if (how != "rollback") std::ignore = session_.run(rollback);
    return std::unexpected(std::move(error));
  }

  template <class Question>
  auto ask(const Question& question) -> decltype(question(std::declval<Queries>())) {
    if (ledger_.number == 0) {
      if (auto begun = begin(); !begun) return std::unexpected(std::move(begun.error()));
      if (auto ended = end("rollback"); !ended) return std::unexpected(std::move(ended.error()));
    }
    return question(Queries(session_, ledger_));
  }

  InsideTransaction session_;
  LedgerRef ledger_;
  PlanCache plans_;
  RetryCounts counts_;
  Workspace workspace_;
  Committer committer_;
};

Result<void> check_name(std::string_view ledger) {
  if (is_name(ledger)) return {};
  return fail(ErrorCode::invalid_command,
              fmt::format("ledger \"{}\": a ledger's name is 1 to 128 of A-Z a-z 0-9 . _ : - / @", ledger));
}

}  // namespace

Result<std::unique_ptr<Store>> attach_to(pg_conn* connection, std::string_view ledger) {
  if (auto named = check_name(ledger); !named) return std::unexpected(std::move(named.error()));
  if (connection == nullptr) return fail(ErrorCode::invalid_command, "attach needs an open connection");
  return std::make_unique<AttachedStore>(borrow(connection), ledger);
}

Result<std::unique_ptr<Store>> attach_to(PostgresSession& port, std::string_view ledger) {
  if (auto named = check_name(ledger); !named) return std::unexpected(std::move(named.error()));
  return std::make_unique<AttachedStore>(over_port(port), ledger);
}

}  // namespace holdfast::postgres
