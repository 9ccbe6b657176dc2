#include "postgres/postgres_store.h"

#include <fmt/format.h>

#include <charconv>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/assert.h"
#include "ledger/validate.h"
#include "postgres/committer.h"
#include "postgres/libpq_session.h"
#include "postgres/querying_store.h"
#include "postgres/schema.h"
#include "postgres/sealer.h"

namespace holdfast::postgres {
namespace {

// What shares one transaction: few enough to be quick, enough to be worth the sync.
constexpr std::size_t kMaxShared = 256;
constexpr std::size_t kMaxSharedItems = 2'048;

bool is_chunked(const Command& command) {
  const auto* release = std::get_if<Release>(&command.operation);
  const auto* refund = std::get_if<Refund>(&command.operation);
  return (release != nullptr && release->chunk) || (refund != nullptr && refund->chunk);
}

/// How much of a shared transaction a command takes. A whole group may be large: it goes alone.
std::size_t weight_of(const Command& command) {
  const auto of_batch = [](const auto& op) { return op.group.empty() ? op.escrows.size() : kMaxSharedItems; };
  if (const auto* release = std::get_if<Release>(&command.operation)) return of_batch(*release);
  if (const auto* refund = std::get_if<Refund>(&command.operation)) return of_batch(*refund);
  if (std::holds_alternative<Atomic>(command.operation)) return kMaxSharedItems;
  return 1;
}

/// Sessions for queries: made when needed, kept for the next.
class SessionPool {
 public:
  explicit SessionPool(std::string conninfo) : conninfo_(std::move(conninfo)) {}

  template <class Ask>
  auto with(const Ask& ask) -> decltype(ask(std::declval<Session&>())) {
    if (auto idle = take_idle()) {
      auto answer = ask(*idle);
      if (is_usable_after(answer)) return give_back(std::move(idle)), answer;
      // The server may have been restarted since: then none of those that waited is of use, and the question,
      // which changes nothing, is asked once more.
      if (answer.error().code != ErrorCode::storage_failed) return answer;
      drop_idle();
    }
    auto session = connect(conninfo_);
    if (!session) return std::unexpected(std::move(session.error()));
    auto answer = ask(**session);
    if (is_usable_after(answer)) give_back(std::move(*session));
    return answer;
  }

 private:
  /// A session that failed is not used again: what it is in is not known.
  template <class Answer>
  static bool is_usable_after(const Answer& answer) {
    return answer || is_rejection(answer.error().code);
  }
  std::unique_ptr<Session> take_idle() {
    const std::scoped_lock hold(mutex_);
    if (idle_.empty()) return nullptr;
    auto session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }
  void drop_idle() {
    const std::scoped_lock hold(mutex_);
    idle_.clear();
  }
  void give_back(std::unique_ptr<Session> session) {
    const std::scoped_lock hold(mutex_);
    if (idle_.size() < kKept) idle_.push_back(std::move(session));
  }

  static constexpr std::size_t kKept = 4;
  std::string conninfo_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
};

class PostgresStore final : public QueryingStore<PostgresStore> {
 public:
  PostgresStore(Address address, LedgerRef ledger, StoreOptions options)
      : address_(std::move(address)),
        ledger_(std::move(ledger)),
        read_only_(options.read_only),
        in_order_(options.in_order),
        queries_(address_.conninfo) {
    if (read_only_) return;
    const int workers = in_order_ ? 1 : address_.workers;
    for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
    sealer_ = std::thread([this] { seal_behind(); });
  }

  ~PostgresStore() override {
    {
      const std::scoped_lock hold(mutex_);
      stopping_ = true;
    }
    queued_.notify_all();
    sealed_some_.notify_all();
    for (auto& worker : workers_) worker.join();
    {
      const std::scoped_lock hold(mutex_);
      workers_done_ = true;
    }
    committed_.notify_all();
    if (sealer_.joinable()) sealer_.join();
  }

  void submit(Command command, Done done) override {
    if (read_only_) return done(read_only());
    {
      const std::scoped_lock hold(mutex_);
      queue_.push_back({std::move(command), std::move(done)});
    }
    queued_.notify_one();
  }

  Result<StoreAnswer> execute(const Command& command) override {
    std::mutex mutex;
    std::condition_variable given;
    std::optional<Result<StoreAnswer>> answer;
    submit(command, [&](Result<StoreAnswer> result) {
      const std::scoped_lock hold(mutex);
      answer = std::move(result);
      given.notify_one();
    });
    std::unique_lock hold(mutex);
    given.wait(hold, [&] { return answer.has_value(); });
    return std::move(*answer);
  }

  Result<StoreAnswer> transact(const Options& options, std::chrono::milliseconds time_limit,
                               const std::function<Result<void>(TransactionPort&)>& block) override {
    if (read_only_) return read_only();
    auto committer = take_committer();
    auto answer = committer->run_block(options, time_limit, block);
    if (answer && answer->answer.event_id) note_events(1, 1);
    const std::scoped_lock hold(mutex_);
    idle_.push_back(std::move(committer));
    return answer;
  }

  Result<AuditReport> audit(const std::function<void(Seq, Seq)>& progress,
                            const std::stop_token& stop) override {
    return ask([&](Queries queries) { return queries.audit(progress, stop); });
  }
  Result<LedgerStatus> status() override {
    auto status = ask([&](Queries queries) { return queries.status(); });
    if (!status) return status;
    status->retries = counts_.status();
    const std::scoped_lock hold(mutex_);
    status->sealing_failure = sealing_failure_;
    return status;
  }

 private:
  friend class QueryingStore<PostgresStore>;

  struct Request {
    Command command;
    Done done;
  };

  template <class Question>
  auto ask(const Question& question) -> decltype(question(std::declval<Queries>())) {
    return queries_.with([&](Session& session) { return question(Queries(session, ledger_)); });
  }

  static std::unexpected<Error> read_only() {
    return fail(ErrorCode::read_only, "the ledger was opened for reading: commands need it open for writing");
  }

  /// For a block, which runs on its caller's thread.
  std::unique_ptr<Committer> take_committer() {
    {
      const std::scoped_lock hold(mutex_);
      if (!idle_.empty()) {
        auto committer = std::move(idle_.back());
        idle_.pop_back();
        return committer;
      }
    }
    return std::make_unique<Committer>(address_.conninfo, ledger_, plans_, counts_);
  }

  void work() {
    Committer committer(address_.conninfo, ledger_, plans_, counts_);
    std::vector<Request> taken;
    std::vector<const Command*> commands;
    while (take(taken)) {
      commands.clear();
      for (const auto& request : taken) commands.push_back(&request.command);
      std::size_t items = 0;
      for (const auto* command : commands) items += weight_of(*command);
      const auto events = committer.run(commands, in_order_, [&](std::size_t i, Result<StoreAnswer> answer) {
        taken[i].done(std::move(answer));
      });
      if (events > 0) note_events(events, items);
    }
  }

  /// Waits for commands, and takes as many as may share a transaction. False: there will be no more.
  bool take(std::vector<Request>& taken) {
    taken.clear();
    std::unique_lock hold(mutex_);
    do {
      queued_.wait(hold, [&] { return stopping_ || !queue_.empty(); });
      let_sealing_keep_up(hold);
    } while (queue_.empty() && !stopping_);
    std::size_t weight = 0;
    while (!queue_.empty() && taken.size() < kMaxShared) {
      const auto& next = queue_.front().command;
      const bool alone = is_chunked(next);
      weight += weight_of(next);
      if (!taken.empty() && (alone || weight > kMaxSharedItems)) break;
      taken.push_back(std::move(queue_.front()));
      queue_.pop_front();
      if (alone) break;
    }
    return !taken.empty();
  }

  /// Many workers would else take the processors away from the one sealer: what they commit then waits for
  /// him all the longer, and what is not sealed is more work for every balance. One who is late for another
  /// reason is not waited for.
  void let_sealing_keep_up(std::unique_lock<std::mutex>& hold) {
    const auto keeps_up = [&] { return stopping_ || !sealing_ || unsealed_items_ <= kMostUnsealedItems; };
    if (!sealed_some_.wait_for(hold, kSealingPatience, keeps_up)) sealing_ = false;
  }

  /// \param items  of all the events together
  void note_events(std::uint64_t events, std::size_t items) {
    {
      const std::scoped_lock hold(mutex_);
      unsealed_ = true;
      for (std::uint64_t i = 0; i < events; ++i) {
        unsealed_events_.push_back(items / events);
        unsealed_items_ += items / events;
      }
    }
    committed_.notify_one();
  }

  /// \pre the mutex is held
  void note_sealed(const Result<Sealed>& sealed) {
    sealing_ = sealed && sealed->events > 0;
    // Events of others are among them, or others sealed ours: in the end there is none.
    const auto count =
        sealing_ ? std::min<std::uint64_t>(sealed->events, unsealed_events_.size()) : unsealed_events_.size();
    for (std::uint64_t i = 0; i < count; ++i) {
      unsealed_items_ -= unsealed_events_.front();
      unsealed_events_.pop_front();
    }
    sealed_some_.notify_all();
  }

  /// Seals what was committed, here or elsewhere, as long as the store is open; what is there when it closes,
  /// unless the server cannot be reached: then whoever seals next goes on.
  void seal_behind() {
    Connection connection(address_.conninfo);
    SealedThrough through;
    int in_the_way = 0;  // tries in a row that ended because another session seals
    int failures = 0;    // likewise because of an error
    std::unique_lock hold(mutex_);
    while (true) {
      const bool last = workers_done_;
      unsealed_ = false;
      hold.unlock();
      const auto sealed = seal_once(connection, through);
      hold.lock();
      note_sealed(sealed);
      sealing_failure_ = sealed ? std::string() : sealed.error().message;
      failures = sealed ? 0 : failures + 1;
      in_the_way = sealed && sealed->other_seals ? in_the_way + 1 : 0;
      if (sealed && sealed->events > 0) continue;
      if (last && (failures >= kLastFailures || in_the_way >= kLastWaits || (sealed && in_the_way == 0)))
        return;

      // Another session may have looked before what was committed here, and a transaction of a caller's own
      // wakes nobody: so what is there is looked at again after a while.
      auto pause = kLookAgain;
      if (in_the_way > 0) pause = kOtherSeals;
      if (failures > 0) pause = backoff(std::min(failures + 2, 8));
      committed_.wait_for(hold, pause, [&] {
        if (last) return false;  // only a pause between two tries
        return workers_done_ || (unsealed_ && failures == 0 && in_the_way == 0);
      });
    }
  }

  [[nodiscard]] Result<Sealed> seal_once(Connection& connection, SealedThrough& through) {
    auto session = connection.get();
    if (!session) return std::unexpected(std::move(session.error()));
    const auto sealed = seal(**session, ledger_, through);
    if (sealed) return *sealed;
    connection.drop();
    return std::unexpected(to_error(sealed.error()));
  }

  static constexpr std::chrono::milliseconds kLookAgain{1'000};
  static constexpr std::chrono::milliseconds kOtherSeals{50};
  static constexpr std::size_t kMostUnsealedItems = 8'192;
  static constexpr std::chrono::milliseconds kSealingPatience{200};
  static constexpr int kLastFailures = 3;
  static constexpr int kLastWaits = 20;

  const Address address_;
  const LedgerRef ledger_;
  const bool read_only_;
  const bool in_order_;
  PlanCache plans_;
  RetryCounts counts_;
  SessionPool queries_;
  std::mutex mutex_;
  std::condition_variable queued_;
  std::condition_variable committed_;
  std::condition_variable sealed_some_;
  std::deque<Request> queue_;
  std::vector<std::unique_ptr<Committer>> idle_;
  bool stopping_ = false;
  bool workers_done_ = false;
  // Events that were committed here and are not sealed, as far as is known: how many items each has, and all.
  std::deque<std::size_t> unsealed_events_;
  std::size_t unsealed_items_ = 0;
  bool sealing_ = false;  // the last round sealed something, and was not long ago
  bool unsealed_ = true;  // perhaps: whoever had it open before may have left some
  std::string sealing_failure_;
  std::vector<std::thread> workers_;
  std::thread sealer_;
};

Result<int> parse_workers(std::string_view text) {
  int workers = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), workers);
  if (error != std::errc() || end != text.data() + text.size() || workers < 1 || workers > 64) {
    return fail(ErrorCode::invalid_command, fmt::format("workers={}: give a number from 1 to 64", text));
  }
  return workers;
}

constexpr std::string_view kFindLedger = "select ledger from holdfast.ledgers where name = $1";
constexpr std::string_view kCreateLedger = "select holdfast.create_ledger($1)";

}  // namespace

Result<LedgerRef> find_ledger(Session& session, const std::string& name, bool create) {
  const std::array<Statement, 1> ask{{{create ? kCreateLedger : kFindLedger, {name}}}};
  const auto found = session.run(ask);
  if (!found) return std::unexpected(to_error(found.error()));
  const auto& rows = *found->front();
  if (rows.rows() == 0) {
    return fail(ErrorCode::not_a_ledger,
                fmt::format("the database has no ledger \"{}\". Make it with: holdfast init", name));
  }
  return LedgerRef{rows.integer(0, 0), name};
}

Result<Address> parse_address(std::string_view url) {
  Address address;
  const auto question = url.find('?');
  address.conninfo = url.substr(0, question);
  if (question == std::string_view::npos) return address;
  auto rest = url.substr(question + 1);
  char separator = '?';
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (part.starts_with("ledger=")) {
      address.ledger = part.substr(7);
      if (!is_name(address.ledger)) {
        return fail(
            ErrorCode::invalid_command,
            fmt::format("ledger={}: a ledger's name is 1 to 128 of A-Z a-z 0-9 . _ : - / @", address.ledger));
      }
    } else if (part.starts_with("workers=")) {
      const auto workers = parse_workers(part.substr(8));
      if (!workers) return std::unexpected(workers.error());
      address.workers = *workers;
    } else {
      address.conninfo.append(1, std::exchange(separator, '&')).append(part);
    }
  }
  return address;
}

Result<std::unique_ptr<Store>> open_postgres_store(std::string_view url, StoreOptions options) {
  auto address = parse_address(url);
  if (!address) return std::unexpected(std::move(address.error()));
  auto session = connect(address->conninfo);
  if (!session) return std::unexpected(std::move(session.error()));
  if (options.create) {
    if (auto migrated = migrate(**session); !migrated) return std::unexpected(std::move(migrated.error()));
  }
  if (auto fits = check_schema(**session); !fits) return std::unexpected(std::move(fits.error()));
  auto ledger = find_ledger(**session, address->ledger, options.create);
  if (!ledger) return std::unexpected(std::move(ledger.error()));
  return std::make_unique<PostgresStore>(std::move(*address), std::move(*ledger), options);
}

}  // namespace holdfast::postgres
