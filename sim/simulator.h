// One run: clients, an engine, a disk and a clock in one thread, every choice drawn from one seed.
//
// Clients submit commands, blocks and reads; `decide`, `sync` and `maintain` are called in any order; the
// machine crashes before any file operation, recovery's too; the engine is opened again, and the auditor
// checks what came back against its own ledger:
//  - what was acknowledged is there, and nothing that nobody asked for;
//  - the state is the model's after exactly those events, the chain holds, `seq` has no gap;
//  - what was in flight took effect once or not at all, and asked again under its key it is once;
//  - the laws hold; an opening is refused only over rot, and rot in live bytes is never served;
//  - without faults all that was asked is answered.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sim/clock.h"
#include "sim/model.h"
#include "sim/run_options.h"
#include "sim/workload.h"

namespace holdfast::sim {

/// Runs to the end, or to the first check that fails.
[[nodiscard]] RunReport run(const RunOptions& options);

/// A check that failed: ends the run.
struct Failure {
  std::string what;
};

class Simulator {
 public:
  explicit Simulator(const RunOptions& options);
  ~Simulator();

  RunReport run();

 private:
  /// What a step of a block answered, as the block saw it.
  struct BlockRun {
    Block block;
    std::vector<Result<CommandResult>> answers;  // of its `execute` steps, in order
  };
  struct ReadRun {
    ModelBook seen;
    std::string wrong;
  };
  struct Request {
    std::variant<Command, BlockRun, ReadRun> what;
    [[nodiscard]] const Options* options() const;
  };
  using RequestPtr = std::shared_ptr<Request>;
  /// The first answer of a key, for those that ask again.
  struct First {
    std::uint64_t event_id = 0;
    Seq seq;
    Timestamp at;
  };

  // The run (simulator.cc)
  void step();
  void submit_something();
  void submit(Command command);
  void submit(Block block);
  void submit_read();
  Result<void> run_block(BlockRun& run, TransactionPort& port);
  void drain();
  void finish();

  // Answers (answers.cc)
  void answered(const RequestPtr& request, Result<StoreAnswer> reply);
  void answered_read(const RequestPtr& request, const Result<void>& reply);
  void check_command(const Command& command, const Result<StoreAnswer>& reply);
  void check_block(const BlockRun& run, const Result<StoreAnswer>& reply);
  Outcome model_block(const BlockRun& run);
  void check_replay(const std::string& key, const Answer& answer);
  void remember_first(const Request& request, const First& first, bool complete);
  void forget(const RequestPtr& request);

  // Crashes and openings (recovery.cc)
  void recover_if_down();
  void create();
  void open();
  bool try_open(bool may_crash);
  void note_branches(const std::vector<std::string>& notes);
  void match_events();
  void take_over(const Event& event);
  void ask_again();

  // The auditor (audit.cc)
  void audit();
  void audit_state();
  void audit_chain();
  void audit_queries();
  void audit_laws();
  void class_b();
  void open_over_rot();

  [[noreturn]] void fail_run(std::string what) const;
  void require(bool good, const char* what) const;
  void count(const std::string& branch) { ++report_.branches[branch]; }
  void trace(const std::function<std::string()>& line) const;

  RunOptions options_;
  Prng prng_;
  SimRandom random_;
  SimClock clock_;
  SimDisk disk_;
  Workload workload_;
  Model model_;
  RunReport report_;

  std::unique_ptr<Directory> root_;
  std::unique_ptr<journal::Engine> engine_;
  std::list<RequestPtr> in_flight_;  // in the order they were submitted
  std::vector<RequestPtr> unknown_;  // whether they took effect: the engine failed before it could say
  std::vector<Command> asked_;       // to be asked again later: keys that were answered
  std::map<std::string, First> first_answers_;
  std::deque<Command> to_submit_;
  Timestamp last_at_;
  Digest head_{};
  bool dead_ = false;     // the engine said that it answers nothing more
  bool syncing_ = false;  // a sync of a step is under way: `decide` may run between its file operations
  bool calm_ = false;     // the end of the run: no faults any more
  std::uint64_t step_ = 0;
};

}  // namespace holdfast::sim
