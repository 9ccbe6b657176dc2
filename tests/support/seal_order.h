// Law 9: what many sessions did at once is what the naive model does with the same commands one by one, in
// the order of `seq`.
//
// Every event must have been asked for: it is one that was acknowledged, or one of a request whose answer
// nobody got, told by its reference. Every answer that left no event is right at a moment at which it can
// have been decided (seal_windows.h).
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ledger/event.h"
#include "ledger/store.h"
#include "postgres/session.h"
#include "postgres/transaction.h"
#include "sim/model.h"
#include "tests/support/seal_windows.h"

namespace holdfast::testing {

class SealOrder {
 public:
  /// \param conninfo  the database, for a session of its own
  SealOrder(std::string conninfo, std::string ledger);

  /// Runs a command to its end and records every answer, of a chunked one each chunk's. Thread-safe.
  /// \return the last answer
  Result<Answer> run(Store& store, const Command& command);

  /// A clock that counts, for what is recorded. Thread-safe.
  [[nodiscard]] std::uint64_t now();
  /// For an answer that was got in another way. Thread-safe.
  /// \param asked     when; none: since the last check
  /// \param answered  when; none: now. For an event: when it is known to be committed
  void record(const Command& command, Result<Answer> answer, std::uint64_t asked = 0,
              std::uint64_t answered = 0);
  /// The same for a block.
  void record(BlockRun run, Result<Answer> answer, std::uint64_t asked);
  void record_unknown(BlockRun run, std::uint64_t asked);
  /// For one whose answer nobody got: it may have led to one event, and perhaps to none. References tell
  /// requests apart. Thread-safe.
  void record_unknown(const Command& command, std::uint64_t asked);

  /// Returns when the stores have sealed all; fails the test where that takes longer than 20 s.
  void wait_for_sealers();

  /// Seals what is left, as `holdfast seal` does, then gives the model what was recorded since the last
  /// check, in the order of seals, and compares every answer. Fails the test at the first difference. Not
  /// while commands are under way.
  void check();
  /// Every balance, escrow and open flag is the model's.
  void check_rows(Store& store);
  /// Every law holds, and every sealed event's hash is that of its bytes and the hash before.
  void check_laws(Store& store);
  /// The tables have as many rows of each kind as the model, and nothing that waits.
  void check_tables();

  /// After the server was away.
  void reconnect();

  [[nodiscard]] const sim::ModelBook& book() const { return model_.book(); }
  [[nodiscard]] std::uint64_t accepted() const { return accepted_; }
  [[nodiscard]] std::uint64_t rejected() const { return rejected_; }
  [[nodiscard]] std::uint64_t replayed() const { return replayed_; }
  /// Of those whose answer nobody got, how many took effect, and how many left nothing.
  [[nodiscard]] std::uint64_t unknown_done() const { return unknown_done_; }
  [[nodiscard]] std::uint64_t unknown_undone() const { return unknown_undone_; }
  [[nodiscard]] const WindowCounts& windows() const { return windows_; }

 private:
  static constexpr auto kNever = std::numeric_limits<std::uint64_t>::max();

  struct Step {
    Command command;
    Result<Answer> answer;
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;
    std::optional<BlockRun> block{};
  };
  struct Unknown {
    Command command;
    std::uint64_t asked = 0;
    std::optional<BlockRun> block{};
    bool matched = false;  // an event is of it
  };

  void seal_all();
  [[nodiscard]] std::string neighbours(std::uint64_t seq);
  [[nodiscard]] postgres::ResultSets query(std::string_view sql);
  [[nodiscard]] std::int64_t count_of(std::string_view table);
  void read_new_events(std::vector<Event>& events);
  void match(const std::vector<Event>& events, std::vector<SealedStep>& in_order);
  void match_unknown(const Event& event, SealedStep& step);
  void replay(const std::vector<SealedStep>& in_order);
  void check_replays();
  void check_rest(const sim::Model& before, const std::vector<SealedStep>& in_order);

  std::string conninfo_;
  std::unique_ptr<postgres::Session> session_;
  postgres::LedgerRef ledger_;
  std::mutex mutex_;
  std::uint64_t clock_ = 0;
  std::uint64_t checked_ = 0;  // when the last check was
  std::vector<Step> steps_;
  std::multimap<std::string, Unknown> unknown_;      // by reference
  std::map<std::uint64_t, std::uint64_t> seq_of_;    // by event id
  std::map<std::uint64_t, std::uint64_t> event_of_;  // by seq
  std::map<std::string, std::uint64_t> key_event_;   // the last event that took the key, or went on with it
  sim::Model model_{sim::IdOrder::any};
  std::uint64_t accepted_ = 0;
  std::uint64_t rejected_ = 0;
  std::uint64_t replayed_ = 0;
  std::uint64_t unknown_done_ = 0;
  std::uint64_t unknown_undone_ = 0;
  WindowCounts windows_;
};

}  // namespace holdfast::testing
