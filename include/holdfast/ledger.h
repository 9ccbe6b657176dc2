// A ledger: open it, give it commands, ask it questions.
//
// Threads: a Ledger may be used from any number of threads at once. Blocking calls return when what they
// answer is durable: an accepted command survives any crash from then on, and a rejection or query was
// decided on durable state. Errors: see result.h. After `storage_failed` the ledger answers nothing more:
// close it and open it again.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/answers.h"
#include "holdfast/commands.h"
#include "holdfast/postgres.h"
#include "holdfast/queries.h"

namespace holdfast {

class Store;
class TransactionPort;

/// An accepted command with its own result.
template <class R>
struct Answered {
  std::optional<std::uint64_t> event_id;
  std::optional<Seq> seq;
  Timestamp at;
  bool replayed = false;
  R result;
};

/// The commands inside `Ledger::atomic`. Results are provisional: they hold if the block commits. Not
/// thread-safe; only to be used inside the block.
class Transaction {
 public:
  explicit Transaction(TransactionPort& port) : port_(port) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// A rejected command changes nothing, and the block may go on.
  [[nodiscard]] Result<CommandResult> execute(const Command& command);
  [[nodiscard]] Result<EscrowId> hold(Hold hold, Options options);
  [[nodiscard]] Result<Settlement> release(Release release, Options options = {});
  [[nodiscard]] Result<Settlement> refund(Refund refund, Options options = {});

  /// Runs `block` under a savepoint: where it returns an error, all that it did is taken back (its keys are
  /// free again), the error is returned, and the transaction may go on.
  [[nodiscard]] Result<void> savepoint(const std::function<Result<void>()>& block);

 private:
  TransactionPort& port_;
};

struct AtomicOptions {
  Options options{};                            // the key, actor, reason and reference of the whole
  std::chrono::milliseconds time_limit{5'000};  // then its next command and its commit fail with `aborted`
};

struct OpenOptions {
  bool create = false;     // make the ledger where there is none; else that is `not_a_ledger`
  bool read_only = false;  // see what is durable now; may be used while another process writes
  /// Commands that are submitted are decided in the order of `submit`. The journal store always does so; the
  /// PostgreSQL store then has one transaction under way at a time, whatever `workers` says.
  bool in_order = false;
  std::function<void(const std::string&)>
      on_note{};  // what opening found and mended, a line each (a torn tail cut off)
};

/// What `run_due` did.
struct DueReport {
  std::uint64_t released = 0;
  std::uint64_t refunded = 0;
  std::vector<std::pair<DueEscrow, Error>> failed;  // left as they were: reported, to be looked at by people
};

class Ledger {
 public:
  /// \param url  a directory (the journal store), or `postgresql://user@host/database?ledger=NAME&workers=N`
  ///   (one of several ledgers in a database, default `main`; by so many transactions at once, 1 to 64,
  ///   default 4)
  /// Errors: `not_a_ledger`, `newer_format`, `corrupt` (file and offset), `busy` (who holds it),
  /// `storage_failed`, `storage_full`.
  [[nodiscard]] static Result<Ledger> open(std::string_view url, const OpenOptions& options = {});

  /// A ledger in PostgreSQL whose commands and queries run inside the transaction that the caller has open on
  /// his own connection, each under a savepoint: they are committed or rolled back with his own rows.
  ///
  /// Not thread-safe: it is used as the connection is, which must outlive it; it may serve any number of
  /// transactions, one after another. An answer is durable once the caller has committed, and its `seq` is
  /// none; until then others see nothing of it, but may wait for the rows that it locked. Queries see the
  /// caller's own commands. A rejected command, and an error, change nothing and leave the transaction
  /// usable. What would have to be tried again is `busy`: a deadlock, a lock that is not had within the
  /// caller's `lock_timeout` (3 s where he set none), a conflict at REPEATABLE READ or SERIALIZABLE. Those
  /// take no command that rests on what others may have made since their snapshot (closing, settling a whole
  /// group). All chunks of a command are in the one transaction; `submit` answers before it returns; `audit`
  /// is refused. The settings of the session are as before after each command, but that `synchronous_commit`
  /// stays at least `on` until the commit: do not turn it off after a command.
  ///
  /// No transaction open, pipeline mode, or a command under way on the connection: `invalid_command`; a
  /// failed transaction: `aborted`; a read-only one or a standby: `read_only`; no such ledger:
  /// `not_a_ledger`.
  /// \param connection  libpq's PGconn
  [[nodiscard]] static Result<Ledger> attach(pg_conn* connection, std::string_view ledger = "main");
  /// Over another driver: see postgres.h.
  [[nodiscard]] static Result<Ledger> attach(PostgresSession& session, std::string_view ledger = "main");

  explicit Ledger(std::unique_ptr<Store> store);
  ~Ledger();  // finishes what was submitted
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;

  /// Any command. A chunked release or refund runs to its end here, one durable event a chunk.
  [[nodiscard]] Result<Answer> execute(const Command& command);
  /// `done` is called once, on a thread of the ledger, when the answer is durable. It must not block or
  /// throw. A chunked command is refused here (`invalid_command`): it needs more than one event.
  void submit(Command command, std::function<void(Result<Answer>)> done);

  [[nodiscard]] Result<Answered<Nothing>> open_account(OpenAccount command, Options options = {});
  [[nodiscard]] Result<Answered<Nothing>> close_account(CloseAccount command, Options options = {});
  [[nodiscard]] Result<Answered<PlanResult>> define_fee_plan(DefineFeePlan command, Options options = {});
  [[nodiscard]] Result<Answered<Nothing>> deposit(Deposit command, Options options);
  [[nodiscard]] Result<Answered<Nothing>> withdraw(Withdraw command, Options options);
  [[nodiscard]] Result<Answered<Nothing>> transfer(Transfer command, Options options);
  [[nodiscard]] Result<Answered<HoldResult>> hold(Hold command, Options options);
  [[nodiscard]] Result<Answered<Nothing>> reschedule(Reschedule command, Options options = {});
  [[nodiscard]] Result<Answered<Settlement>> release(Release command, Options options = {});
  [[nodiscard]] Result<Answered<Settlement>> refund(Refund command, Options options = {});
  [[nodiscard]] Result<Answered<Nothing>> freeze(Freeze command, Options options = {});
  [[nodiscard]] Result<Answered<Settlement>> resolve(Resolve command, Options options);
  [[nodiscard]] Result<Answered<Nothing>> close_group(CloseGroup command, Options options = {});
  [[nodiscard]] Result<Answered<Nothing>> reopen_group(ReopenGroup command, Options options = {});

  /// Runs `block`; in a directory alone, like BEGIN IMMEDIATE: nothing else is decided meanwhile. On
  /// PostgreSQL it locks what its commands touch as they come, others go on beside it, and it may be given up
  /// as `busy` where they came between: then run it again. All that it did becomes one event when it returns;
  /// nothing of it remains where it returns an error or throws (the exception is passed on). Do not call the
  /// ledger itself from inside the block: use the transaction.
  [[nodiscard]] Result<Answer> atomic(const std::function<Result<void>(Transaction&)>& block,
                                      const AtomicOptions& options = {});

  /// Settles every escrow whose release or refund date is not after `now`, each under a key of its own, so
  /// that it happens once however often this runs and wherever it is cut off.
  /// \param skip  true for what is to be left alone: it could not be settled just before
  [[nodiscard]] Result<DueReport> run_due(Timestamp now,
                                          const std::function<void(const DueReport&)>& progress = {},
                                          const std::function<bool(const DueEscrow&)>& skip = {});

  [[nodiscard]] Result<AccountView> account(std::string_view name) const;
  /// By name, in its order; `after` continues.
  [[nodiscard]] Result<Page<AccountView, std::string>> accounts(std::string_view after,
                                                                std::size_t limit) const;
  [[nodiscard]] Result<EscrowView> escrow(const EscrowRef& ref) const;
  [[nodiscard]] Result<EscrowPage> escrows(const EscrowFilter& filter) const;
  /// All that happened to an escrow, oldest first.
  [[nodiscard]] Result<std::vector<EscrowHistoryLine>> history(const EscrowRef& ref) const;
  [[nodiscard]] Result<GroupView> group(std::string_view name) const;
  /// Its sums too. Takes as long for a large group as for a small one in the journal store, and less than
  /// 1 us an escrow on PostgreSQL. `overflow`: a sum is beyond 2^63 - 1 minor units.
  [[nodiscard]] Result<GroupSummary> group_summary(std::string_view name) const;
  [[nodiscard]] Result<Page<GroupView, std::string>> groups(std::string_view after, std::size_t limit) const;
  [[nodiscard]] Result<std::vector<FeePlanView>> fee_plans() const;
  [[nodiscard]] Result<StatementPage> statement(const StatementQuery& query) const;
  /// Events with seq > after.
  [[nodiscard]] Result<EventPage> events(Seq after, std::size_t limit) const;
  [[nodiscard]] Result<std::vector<TrialBalance>> trial_balance() const;
  [[nodiscard]] Result<std::vector<DueEscrow>> due(Timestamp until, std::size_t limit) const;
  /// Checks every law over the whole history; reads all of it. `aborted`: it was told to stop, which it looks
  /// at between events.
  [[nodiscard]] Result<AuditReport> audit(const std::function<void(Seq done, Seq of)>& progress = {},
                                          const std::stop_token& stop = {}) const;
  [[nodiscard]] Result<LedgerStatus> status() const;

 private:
  std::unique_ptr<Store> store_;
};

}  // namespace holdfast
