// The public ledger: chooses the store, runs chunked commands to their end, settles what is due.
#include "holdfast/ledger.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <unordered_set>

#include "base/assert.h"
#include "journal/journal_store.h"
#include "ledger/store.h"
#include "postgres/attached.h"
#include "postgres/postgres_store.h"
#include "service/url.h"

namespace holdfast {

namespace {

bool is_chunked(const Command& command) {
  const auto* release = std::get_if<Release>(&command.operation);
  const auto* refund = std::get_if<Refund>(&command.operation);
  return (release != nullptr && release->chunk) || (refund != nullptr && refund->chunk);
}

template <class R, class Operation>
Result<Answered<R>> typed(Ledger& ledger, Operation operation, Options options) {
  auto answer = ledger.execute({std::move(operation), std::move(options)});
  if (!answer) return std::unexpected(std::move(answer.error()));
  Answered<R> answered{answer->event_id, answer->seq, answer->at, answer->replayed, {}};
  if (auto* result = std::get_if<R>(&answer->result)) answered.result = std::move(*result);
  return answered;
}

template <class R>
Result<R> typed(Result<CommandResult> result) {
  if (!result) return std::unexpected(std::move(result.error()));
  auto* wanted = std::get_if<R>(&*result);
  HOLDFAST_ASSERT(wanted != nullptr, "a command's result is of the command's kind");
  return std::move(*wanted);
}

/// The answers of a window of commands that are under way at once.
class Window {
 public:
  explicit Window(std::size_t size) : size_(size) {}

  void enter() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return under_way_ < size_; });
    ++under_way_;
  }
  /// \param note  what the answer means, under the window's lock
  template <class Note>
  void leave(Note&& note) {
    const std::scoped_lock hold(mutex_);
    note();
    --under_way_;
    changed_.notify_all();
  }
  void drain() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return under_way_ == 0; });
  }

 private:
  const std::size_t size_;
  std::size_t under_way_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// Under this key a date takes effect once: a date that is set anew is another one.
Command settle(const DueEscrow& due) {
  Command command;
  command.options.key = fmt::format("due:{}:{}", due.escrow.value(), due.at.micros);
  command.options.actor = "holdfast:run-due";
  command.options.reason = fmt::format("{} date {}", due.release ? "release" : "refund", to_rfc3339(due.at));
  const EscrowList list({due.escrow});
  if (due.release) {
    Release release;
    release.escrows = list;
    command.operation = std::move(release);
  } else {
    Refund refund;
    refund.escrows = list;
    command.operation = std::move(refund);
  }
  return command;
}

}  // namespace

Result<CommandResult> Transaction::execute(const Command& command) {
  return port_.execute(command);
}

Result<EscrowId> Transaction::hold(Hold hold, Options options) {
  auto result = typed<HoldResult>(execute({std::move(hold), std::move(options)}));
  if (!result) return std::unexpected(std::move(result.error()));
  HOLDFAST_ASSERT(result->escrow.has_value(), "a hold in a transaction is no dry run");
  return *result->escrow;
}

Result<Settlement> Transaction::release(Release release, Options options) {
  return typed<Settlement>(execute({std::move(release), std::move(options)}));
}

Result<Settlement> Transaction::refund(Refund refund, Options options) {
  return typed<Settlement>(execute({std::move(refund), std::move(options)}));
}

Result<void> Transaction::savepoint(const std::function<Result<void>()>& block) {
  port_.savepoint();
  Result<void> done;
  try {
    done = block();
  } catch (...) {
    port_.rollback_savepoint(fail(ErrorCode::aborted, "the savepoint's block threw an exception").error());
    throw;
  }
  if (done) {
    port_.release_savepoint();
  } else {
    port_.rollback_savepoint(done.error());
  }
  return done;
}

Result<Ledger> Ledger::open(std::string_view url, const OpenOptions& options) {
  if (url.empty()) return fail(ErrorCode::not_a_ledger, "the ledger's url is empty: give a directory");
  if (is_postgres(url)) {
    auto store = postgres::open_postgres_store(
        url, {.create = options.create, .read_only = options.read_only, .in_order = options.in_order});
    if (!store) return std::unexpected(std::move(store.error()));
    return Ledger(std::move(*store));
  }
  const std::filesystem::path directory(url);
  Result<std::unique_ptr<Store>> store;
  if (options.read_only) {
    store = journal::open_journal_reader(directory);
  } else {
    journal::OpenReport report;
    store = journal::open_journal_store(directory, options.create, {}, report);
    if (options.on_note) {
      for (const auto& note : report.notes) options.on_note(note);
    }
  }
  if (!store) return std::unexpected(std::move(store.error()));
  return Ledger(std::move(*store));
}

Result<Ledger> Ledger::attach(pg_conn* connection, std::string_view ledger) {
  auto store = postgres::attach_to(connection, ledger);
  if (!store) return std::unexpected(std::move(store.error()));
  return Ledger(std::move(*store));
}

Result<Ledger> Ledger::attach(PostgresSession& session, std::string_view ledger) {
  auto store = postgres::attach_to(session, ledger);
  if (!store) return std::unexpected(std::move(store.error()));
  return Ledger(std::move(*store));
}

Ledger::Ledger(std::unique_ptr<Store> store) : store_(std::move(store)) {}
Ledger::~Ledger() = default;
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;

Result<Answer> Ledger::execute(const Command& command) {
  while (true) {
    auto reply = store_->execute(command);
    if (!reply) return std::unexpected(std::move(reply.error()));
    if (!reply->more) return std::move(reply->answer);
  }
}

void Ledger::submit(Command command, std::function<void(Result<Answer>)> done) {
  if (is_chunked(command)) {
    return done(fail(ErrorCode::invalid_command, "a chunked command needs more than one event: use execute"));
  }
  store_->submit(std::move(command), [done = std::move(done)](Result<StoreAnswer> reply) {
    if (!reply) return done(std::unexpected(std::move(reply.error())));
    done(std::move(reply->answer));
  });
}

Result<Answered<Nothing>> Ledger::open_account(OpenAccount command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}
Result<Answered<Nothing>> Ledger::close_account(CloseAccount command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}
Result<Answered<PlanResult>> Ledger::define_fee_plan(DefineFeePlan command, Options options) {
  return typed<PlanResult>(*this, std::move(command), std::move(options));
}
Result<Answered<Nothing>> Ledger::deposit(Deposit command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}
Result<Answered<Nothing>> Ledger::withdraw(Withdraw command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}
Result<Answered<Nothing>> Ledger::transfer(Transfer command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}
Result<Answered<HoldResult>> Ledger::hold(Hold command, Options options) {
  return typed<HoldResult>(*this, std::move(command), std::move(options));
}
Result<Answered<Nothing>> Ledger::reschedule(Reschedule command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}
Result<Answered<Settlement>> Ledger::release(Release command, Options options) {
  return typed<Settlement>(*this, std::move(command), std::move(options));
}
Result<Answered<Settlement>> Ledger::refund(Refund command, Options options) {
  return typed<Settlement>(*this, std::move(command), std::move(options));
}
Result<Answered<Nothing>> Ledger::freeze(Freeze command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}
Result<Answered<Settlement>> Ledger::resolve(Resolve command, Options options) {
  return typed<Settlement>(*this, std::move(command), std::move(options));
}
Result<Answered<Nothing>> Ledger::close_group(CloseGroup command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}
Result<Answered<Nothing>> Ledger::reopen_group(ReopenGroup command, Options options) {
  return typed<Nothing>(*this, std::move(command), std::move(options));
}

Result<Answer> Ledger::atomic(const std::function<Result<void>(Transaction&)>& block,
                              const AtomicOptions& options) {
  auto reply = store_->transact(options.options, options.time_limit, [&](TransactionPort& port) {
    Transaction transaction(port);
    return block(transaction);
  });
  if (!reply) return std::unexpected(std::move(reply.error()));
  return std::move(reply->answer);
}

Result<DueReport> Ledger::run_due(Timestamp now, const std::function<void(const DueReport&)>& progress,
                                  const std::function<bool(const DueEscrow&)>& skip) {
  constexpr std::size_t kPage = 1'000;
  DueReport report;
  std::unordered_set<EscrowId> stuck;  // and what is skipped
  std::optional<Error> broken;
  Window window(kPage);
  while (!broken) {
    // What failed stays in the list, so the page must reach beyond it.
    const auto limit = stuck.size() + kPage;
    auto page = store_->due(now, limit);
    if (!page) return std::unexpected(std::move(page.error()));
    const bool last = page->size() < limit;
    std::erase_if(*page, [&](const DueEscrow& due) {
      if (skip && skip(due)) stuck.insert(due.escrow);
      return stuck.contains(due.escrow);
    });
    if (page->empty() && last) break;
    for (const auto& due : *page) {
      window.enter();
      submit(settle(due), [&, due](Result<Answer> answer) {
        window.leave([&] {
          if (answer) {
            ++(due.release ? report.released : report.refunded);
          } else if (is_rejection(answer.error().code)) {
            report.failed.emplace_back(due, std::move(answer.error()));
            stuck.insert(due.escrow);
          } else if (!broken) {
            broken = std::move(answer.error());
          }
        });
      });
    }
    window.drain();
    if (progress) progress(report);
  }
  if (broken) return std::unexpected(std::move(*broken));
  return report;
}

Result<AccountView> Ledger::account(std::string_view name) const {
  return store_->account(name);
}
Result<Page<AccountView, std::string>> Ledger::accounts(std::string_view after, std::size_t limit) const {
  return store_->accounts(after, limit);
}
Result<EscrowView> Ledger::escrow(const EscrowRef& ref) const {
  return store_->escrow(ref);
}
Result<EscrowPage> Ledger::escrows(const EscrowFilter& filter) const {
  return store_->escrows(filter);
}
Result<std::vector<EscrowHistoryLine>> Ledger::history(const EscrowRef& ref) const {
  return store_->history(ref);
}
Result<GroupView> Ledger::group(std::string_view name) const {
  return store_->group(name);
}
Result<GroupSummary> Ledger::group_summary(std::string_view name) const {
  return store_->group_summary(name);
}
Result<Page<GroupView, std::string>> Ledger::groups(std::string_view after, std::size_t limit) const {
  return store_->groups(after, limit);
}
Result<std::vector<FeePlanView>> Ledger::fee_plans() const {
  return store_->fee_plans();
}
Result<StatementPage> Ledger::statement(const StatementQuery& query) const {
  return store_->statement(query);
}
Result<EventPage> Ledger::events(Seq after, std::size_t limit) const {
  return store_->events(after, limit);
}
Result<std::vector<TrialBalance>> Ledger::trial_balance() const {
  return store_->trial_balance();
}
Result<std::vector<DueEscrow>> Ledger::due(Timestamp until, std::size_t limit) const {
  return store_->due(until, limit);
}
Result<AuditReport> Ledger::audit(const std::function<void(Seq, Seq)>& progress,
                                  const std::stop_token& stop) const {
  return store_->audit(progress, stop);
}
Result<LedgerStatus> Ledger::status() const {
  return store_->status();
}

}  // namespace holdfast
