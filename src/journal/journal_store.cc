// The journal store's threads: one decides, one syncs, one keeps house; and the scrubber's.
#include "journal/journal_store.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "journal/identity.h"
#include "journal/opening.h"
#include "journal/querying_store.h"
#include "journal/root_directory.h"
#include "journal/scrubber.h"
#include "journal/views.h"

namespace holdfast::journal {

namespace {

/// Wakes one thread that may be waiting; a call between its look at the work and its wait is not lost.
class Signal {
 public:
  [[nodiscard]] std::uint32_t now() const { return count_.load(); }
  void raise() {
    count_.fetch_add(1);
    count_.notify_one();
  }
  void wait(std::uint32_t seen) const { count_.wait(seen); }

 private:
  std::atomic<std::uint32_t> count_{0};
};

/// Where a blocking caller waits for its answer.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    const std::scoped_lock hold(mutex_);  // held while notifying: the mailbox may be gone right after
    value_ = std::move(value);
    full_.notify_one();
  }
  T take() {
    std::unique_lock hold(mutex_);
    full_.wait(hold, [&] { return value_.has_value(); });
    return std::move(*value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable full_;
  std::optional<T> value_;
};

/// The floor, handed from the decide side to the caller's thread for one atomic block and back again.
class Floor final : public TransactionPort {
 public:
  /// Decide side: gives the caller the port and waits until he is done or the time is over.
  Result<void> give(TransactionPort& port, std::chrono::milliseconds time_limit) {
    std::unique_lock hold(mutex_);
    port_ = &port;
    changed_.notify_all();
    const bool in_time = changed_.wait_for(hold, time_limit, [&] { return outcome_.has_value(); });
    port_ = nullptr;
    if (in_time) return *outcome_;
    expired_ = true;
    return too_late(time_limit);
  }
  /// Caller: true once he has the floor, false where the answer came without it.
  bool await() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return port_ != nullptr || answered_ || expired_; });
    return port_ != nullptr || expired_;
  }
  void finish(Result<void> outcome) {
    const std::scoped_lock hold(mutex_);
    outcome_ = std::move(outcome);
    changed_.notify_all();
  }
  void answered() {
    const std::scoped_lock hold(mutex_);
    answered_ = true;
    changed_.notify_all();
  }

  Result<CommandResult> execute(const Command& command) override {
    const std::scoped_lock hold(mutex_);
    if (port_ == nullptr)
      return fail(ErrorCode::aborted, "the atomic block ran out of its time limit: nothing of it remains");
    return port_->execute(command);
  }
  void savepoint() override {
    const std::scoped_lock hold(mutex_);
    if (port_ != nullptr) port_->savepoint();
  }
  void release_savepoint() override {
    const std::scoped_lock hold(mutex_);
    if (port_ != nullptr) port_->release_savepoint();
  }
  void rollback_savepoint(Error error) override {
    const std::scoped_lock hold(mutex_);
    if (port_ != nullptr) port_->rollback_savepoint(std::move(error));
  }

 private:
  static Result<void> too_late(std::chrono::milliseconds time_limit) {
    return fail(ErrorCode::aborted,
                fmt::format("the atomic block took longer than its time limit of {} ms: nothing of it "
                            "remains",
                            time_limit.count()));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  TransactionPort* port_ = nullptr;
  std::optional<Result<void>> outcome_;
  bool answered_ = false;
  bool expired_ = false;
};

class JournalStore final : public QueryingStore {
 public:
  explicit JournalStore(std::unique_ptr<Directory> root) : root_(std::move(root)) {}

  Result<void> start(EngineOptions options, OpenReport& report) {
    options.group_opened = [this] { sync_signal_.raise(); };
    options.room_again = [this] { decide_signal_.raise(); };
    auto engine = Engine::open(
        *root_, system_clock(), std::move(options),
        fmt::format("process {} since {}", ::getpid(), to_rfc3339(system_clock().wall())), report);
    if (!engine) return std::unexpected(engine.error());
    engine_ = std::move(*engine);
    threads_.emplace_back([this] { run([this] { return engine_->decide(); }, decide_signal_); });
    threads_.emplace_back([this] { run([this] { return sync_once(); }, sync_signal_); });
    threads_.emplace_back([this] {
      if (::nice(10) == -1) { /* only a courtesy to the two others */
      }
      run([this] { return engine_->maintain(); }, maintain_signal_);
    });
    scrubber_ = std::make_unique<Scrubber>(*engine_, ScrubPace());
    return {};
  }

  ~JournalStore() override {
    if (!engine_) return;
    {
      std::unique_lock hold(idle_mutex_);
      idle_.wait(hold, [&] { return unanswered_ == 0; });
    }
    scrubber_.reset();
    stopping_.store(true);
    for (auto* signal : {&decide_signal_, &sync_signal_, &maintain_signal_}) signal->raise();
    for (auto& thread : threads_) thread.join();
    if (auto closed = engine_->close(); !closed) fmt::print(stderr, "holdfast: {}\n", closed.error().message);
  }

  void submit(Command command, Done done) override {
    begin_request();
    engine_->submit(std::move(command), [this, done = std::move(done)](Result<StoreAnswer> answer) {
      done(std::move(answer));
      end_request();
    });
    decide_signal_.raise();
  }

  Result<StoreAnswer> execute(const Command& command) override {
    Mailbox<Result<StoreAnswer>> mailbox;
    submit(command, [&](Result<StoreAnswer> answer) { mailbox.put(std::move(answer)); });
    return mailbox.take();
  }

  Result<StoreAnswer> transact(const Options& options, std::chrono::milliseconds time_limit,
                               const std::function<Result<void>(TransactionPort&)>& block) override {
    const auto floor = std::make_shared<Floor>();
    const auto mailbox = std::make_shared<Mailbox<Result<StoreAnswer>>>();
    begin_request();
    engine_->exclusive(
        options, [floor, time_limit](TransactionPort& port) { return floor->give(port, time_limit); },
        [this, floor, mailbox](Result<StoreAnswer> answer) {
          floor->answered();
          mailbox->put(std::move(answer));
          end_request();
        });
    decide_signal_.raise();
    std::exception_ptr thrown;
    if (floor->await()) {
      Result<void> outcome;
      try {
        outcome = block(*floor);
      } catch (...) {
        thrown = std::current_exception();
        outcome = fail(ErrorCode::aborted, "the atomic block threw an exception: nothing of it remains");
      }
      floor->finish(std::move(outcome));
    }
    auto answer = mailbox->take();
    if (thrown) std::rethrow_exception(thrown);
    return answer;
  }

 protected:
  Result<void> read_state(const std::function<void(const State&)>& look) override {
    Mailbox<Result<void>> mailbox;
    begin_request();
    engine_->read(look, [&](Result<void> done) {
      end_request();
      mailbox.put(std::move(done));
    });
    decide_signal_.raise();
    return mailbox.take();
  }
  Result<void> scan_applied(Seq after, const EventSink& sink) override {
    return engine_->scan_applied(after, sink);
  }
  const History& journal_history() const override { return engine_->history(); }
  const Log& journal_log() const override { return engine_->log(); }
  ScrubStatus scrub_status() const override { return scrubber_->status(); }
  GroupStatus group_status() const override { return engine_->groups(); }

 private:
  template <class Step>
  void run(Step step, Signal& signal) {
    while (!stopping_.load()) {
      const auto seen = signal.now();
      if (!step()) signal.wait(seen);
    }
  }

  bool sync_once() {
    if (!engine_->sync()) return false;
    if (++syncs_ % 16 == 0 || !engine_->wants_sync()) maintain_signal_.raise();
    return true;
  }

  void begin_request() {
    const std::scoped_lock hold(idle_mutex_);
    ++unanswered_;
  }
  void end_request() {
    const std::scoped_lock hold(idle_mutex_);
    if (--unanswered_ == 0) idle_.notify_all();
  }

  std::unique_ptr<Directory> root_;
  std::unique_ptr<Engine> engine_;
  Signal decide_signal_;
  Signal sync_signal_;
  Signal maintain_signal_;
  std::atomic<bool> stopping_{false};
  std::uint64_t syncs_ = 0;  // sync thread's own
  std::mutex idle_mutex_;
  std::condition_variable idle_;
  std::uint64_t unanswered_ = 0;
  std::vector<std::thread> threads_;
  std::unique_ptr<Scrubber> scrubber_;
};

/// What was durable when it was opened, standing still.
class JournalReader final : public QueryingStore {
 public:
  Result<void> start(std::unique_ptr<Directory> root) {
    root_ = std::move(root);
    auto ledger = open_ledger(*root_, false, {});
    if (!ledger) return std::unexpected(ledger.error());
    ledger_ = std::move(*ledger);
    Names names;
    names.account = [this](AccountId id) { return std::string(ledger_.state->account_name(id)); };
    names.group = [this](GroupId id) { return std::string(ledger_.state->group_name(id)); };
    names.plan = [this](PlanId id) { return view_of(*ledger_.state->plan(id)); };
    history_ = std::make_unique<History>(*ledger_.log, nullptr, std::move(names));
    return {};
  }

  void submit(Command, Done done) override { done(read_only()); }
  Result<StoreAnswer> execute(const Command&) override { return read_only(); }
  Result<StoreAnswer> transact(const Options&, std::chrono::milliseconds,
                               const std::function<Result<void>(TransactionPort&)>&) override {
    return read_only();
  }

 protected:
  Result<void> read_state(const std::function<void(const State&)>& look) override {
    const std::scoped_lock hold(mutex_);
    look(*ledger_.state);
    return {};
  }
  Result<void> scan_applied(Seq after, const EventSink& sink) override {
    return ledger_.log->scan(after, sink);
  }
  const History& journal_history() const override { return *history_; }
  const Log& journal_log() const override { return *ledger_.log; }

 private:
  std::unexpected<Error> read_only() const {
    return fail(ErrorCode::read_only,
                fmt::format("{} was opened for reading: commands need it open for writing", root_->path()));
  }

  std::unique_ptr<Directory> root_;
  OpenedLedger ledger_;
  std::unique_ptr<History> history_;
  std::mutex mutex_;
};

/// Makes a ledger where there is none; under the lock, so that two processes do not make one at once.
Result<void> create_where_missing(Directory& root) {
  const auto known = read_identity(root);
  if (known || known.error().code != ErrorCode::not_a_ledger) return {};
  // Before a lock is left in somebody's directory; another may be making the ledger at this moment.
  if (auto free = check_free(root); !free && !read_identity(root)) return free;
  const auto lock = root.lock("LOCK", fmt::format("process {}, making a ledger", ::getpid()));
  if (!lock && lock.error().error_number == EWOULDBLOCK) {
    return fail(ErrorCode::busy, fmt::format("{} is in use: {}", root.path(), lock.error().what));
  }
  if (!lock) return std::unexpected(to_error(lock.error()));
  if (read_identity(root)) return {};  // made meanwhile
  return Engine::create(root, system_random());
}

}  // namespace

Result<std::unique_ptr<Store>> open_journal_store(const std::filesystem::path& directory, bool create,
                                                  EngineOptions options, OpenReport& report) {
  auto root = open_root_directory(directory, create);
  if (!root) return std::unexpected(root.error());
  if (create) {
    if (auto made = create_where_missing(**root); !made) return std::unexpected(made.error());
  }
  return open_journal_store(std::move(*root), std::move(options), report);
}

Result<std::unique_ptr<Store>> open_journal_store(std::unique_ptr<Directory> root, EngineOptions options,
                                                  OpenReport& report) {
  auto store = std::make_unique<JournalStore>(std::move(root));
  if (auto started = store->start(std::move(options), report); !started)
    return std::unexpected(started.error());
  return store;
}

Result<std::unique_ptr<Store>> open_journal_reader(const std::filesystem::path& directory) {
  auto root = open_root_directory(directory, false);
  if (!root) return std::unexpected(root.error());
  auto store = std::make_unique<JournalReader>();
  if (auto started = store->start(std::move(*root)); !started) return std::unexpected(started.error());
  return store;
}

}  // namespace holdfast::journal
