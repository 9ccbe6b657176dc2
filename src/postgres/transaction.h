// Commands in one transaction: lock and load what they can touch, decide, write what happened. Two round
// trips, whatever their number.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "ledger/execute.h"
#include "ledger/footprint.h"
#include "ledger/store.h"
#include "postgres/pipeline.h"
#include "postgres/working_set.h"

namespace holdfast::postgres {

/// What every transaction of the store sets for itself; $1 is the lock timeout in milliseconds.
///
/// The statements are made for indexes, and are planned anew each time. A table that grew since it was last
/// analyzed must not tempt the planner to scan it whole, or to compile. The ledger is compared with `(select
/// $1::int)`: the planner, who cannot look into it, expects an average ledger's rows; of a ledger that is
/// newer than its statistics it would expect none, and read all of it to find a few.
///
/// A commit waits for the disk, or for more where the server or the user asks for more.
inline constexpr std::string_view kTransactionSettings =
    "select set_config('lock_timeout', $1, true), set_config('synchronous_commit', case "
    "current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, true), "
    "set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true), "
    "set_config('random_page_cost', '1.1', true)";

/// A ledger of a schema.
struct LedgerRef {
  std::int64_t number = 0;
  std::string name;
};

/// Fee plan versions never change: each is read once.
class PlanCache {
 public:
  [[nodiscard]] std::optional<PlanRow> find(PlanId id) const;
  void put(PlanId id, const PlanRow& row);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<PlanId, PlanRow> rows_;
};

/// What the caller of a transaction needs to know of it.
struct Outcome {
  std::vector<Result<StoreAnswer>> answers;  // one a command, in order
  std::uint64_t events = 0;
};

/// How to find out whether a transaction whose COMMIT was not answered took effect.
struct Trace {
  std::int64_t transaction = 0;  // pg_current_xact_id()
  std::uint64_t event = 0;       // the first that it recorded; 0: it recorded none
  // Of that event: after a crash the server may give its number to another one.
  Timestamp at;
  Bytes entry;
  bool commit_sent = false;
};

/// What an attempt says of commands that are to be given one by one: each may have to wait for others.
[[nodiscard]] inline SqlError each_alone() {
  return {"HF001", "an event of many commands rests on what other transactions are doing"};
}

/// One attempt. An SqlError leaves the session's transaction as the server left it: the caller rolls back.
class Attempt {
 public:
  Attempt(Session& session, const LedgerRef& ledger, PlanCache& plans, Workspace& workspace)
      : session_(session), ledger_(ledger), plans_(plans), workspace_(workspace) {}

  /// Runs the commands one after another in a transaction of their own, and commits it.
  /// \param lock_timeout  0: wait for ever
  [[nodiscard]] std::expected<Outcome, SqlError> run(std::span<const Command* const> commands,
                                                     std::chrono::milliseconds lock_timeout);
  /// The same inside the transaction that the session has open.
  [[nodiscard]] std::expected<Outcome, SqlError> run_inside(std::span<const Command* const> commands);

  /// A block's commands come one by one; what they did is one event, numbered and written at the end.
  /// `begin_block` looks the key up; after an error the block is given up. A block that was refused may have
  /// waited for the same one: `look_up_again` looks whether its key was used meanwhile.
  [[nodiscard]] std::expected<void, SqlError> begin_block(const Options& options,
                                                          std::chrono::milliseconds lock_timeout);
  [[nodiscard]] std::expected<void, SqlError> load_for_block(const Command& command);
  [[nodiscard]] std::expected<void, SqlError> look_up_again(const std::string& key);
  /// \param entry  the block's; none where nothing is to be recorded
  [[nodiscard]] std::expected<void, SqlError> commit_block(const Entry* entry);
  /// The answer to a decision of this attempt. \param event  the number of what was recorded
  [[nodiscard]] StoreAnswer answer_to(Decision& decision, const Options& options, std::uint64_t event);

  [[nodiscard]] WorkingSet& rows() { return set_; }
  [[nodiscard]] Moment moment() const { return {Seq(event_ids_.front()), at_}; }
  [[nodiscard]] const Trace& trace() const { return trace_; }
  /// What `run` decided, where the connection was lost after its commit was sent and the commit is known to
  /// be done.
  [[nodiscard]] Outcome take_outcome() { return std::move(outcome_); }

 private:
  struct Recorded {
    std::uint64_t event = 0;
    std::string op;
    std::string actor;
    std::string reason;
    std::string reference;
    bool replays = false;
    Bytes entry;
  };

  struct Needs;
  struct Window;

  void begin(std::chrono::milliseconds lock_timeout);
  void decide(std::span<const Command* const> commands);
  [[nodiscard]] Result<StoreAnswer> decide_one(const Command& command, std::size_t index);
  void record(std::uint64_t event, const Entry& entry);
  [[nodiscard]] std::expected<void, SqlError> settle_order();
  [[nodiscard]] std::expected<void, SqlError> write_and(std::string_view last);
  void write(Pipeline& pipeline);  // write.cc

  // load.cc
  [[nodiscard]] std::expected<void, SqlError> load(std::span<const Command* const> commands);
  [[nodiscard]] std::expected<void, SqlError> load_rows(Footprint wanted, const Needs& needs,
                                                        const Window& window);
  void name_what_accounts_lead_to(Footprint& wanted) const;
  void lock_plans_and_groups(const Footprint& wanted, const Needs& needs);
  void lock_escrows(const Footprint& wanted, const Window& window);
  void lock_accounts(const Footprint& wanted);
  void look_up_keys(const std::vector<std::string>& keys);
  void read_sums(const Footprint& wanted);
  void read_moment();
  template <class Id>
  void draw(std::string_view what, std::size_t count, std::vector<Id>& into);
  [[nodiscard]] std::expected<std::uint64_t, SqlError> draw_event();
  [[nodiscard]] std::size_t missing_accounts(const Footprint& wanted) const;
  [[nodiscard]] std::size_t missing_groups(const Footprint& wanted) const;
  [[nodiscard]] std::expected<void, SqlError> load_plans();
  [[nodiscard]] std::expected<void, SqlError> run_pipeline();

  // true_order.cc
  [[nodiscard]] bool rests_on_others(const Entry& entry, const Footprint& wanted) const;
  [[nodiscard]] std::expected<std::uint64_t, SqlError> number_after_others();
  [[nodiscard]] std::expected<void, SqlError> read_again();
  void renumber(Recorded& recorded, const Entry& entry, std::uint64_t to);

  Session& session_;
  const LedgerRef& ledger_;
  PlanCache& plans_;
  Workspace& workspace_;
  Pipeline pipeline_;
  WorkingSet set_;
  std::optional<SqlError> corrupt_;
  std::chrono::milliseconds lock_timeout_{3'000};
  std::vector<PlanId> plans_to_load_;
  Footprint unlocked_;              // all that was asked for
  const Entry* resting_ = nullptr;  // an event that may rest on what others are doing
  bool sums_changed_ = false;       // since they were read before
  bool sees_commits_ = true;        // each statement sees what was committed before it
  Timestamp at_;
  std::vector<std::uint64_t> event_ids_;
  TextMap<Seq> sealed_;  // by key, of past commands
  std::vector<Recorded> recorded_;
  Outcome outcome_;
  Trace trace_;
};

}  // namespace holdfast::postgres
