// One run: clients, an engine, a disk and a clock in one thread, every choice drawn from one seed.
//
// Clients submit commands, blocks and reads, lose answers and lose patience; `decide`, `sync` and `maintain`
// are called in any order and between each other's file operations; another process reads beside; the machine
// crashes before any file operation, recovery's too; the engine is opened again, and the auditor makes the
// checks of checks.h against a ledger of its own (model.h).
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
  /// What a client can ask, and ask again.
  using Asked = std::variant<Command, Block>;
  struct Request {
    std::variant<Command, BlockRun, ReadRun> what;
    std::size_t client = 0;
    bool calm = false;  // asked when there were no faults any more
    [[nodiscard]] const Options* options() const;
    [[nodiscard]] std::optional<Asked> asked() const;
  };
  using RequestPtr = std::shared_ptr<Request>;
  struct Client {
    std::size_t under_way = 0;  // more than one where it lost patience
    std::uint64_t since = 0;    // the step of its last request
    std::optional<Asked> last;
    std::optional<Asked> again;  // to be asked once more: its answer did not come
  };
  /// The first answer of a key, for those that ask again.
  struct First {
    std::uint64_t event_id = 0;
    Seq seq;
    Timestamp at;
  };
  /// Which part of the engine is inside a file operation.
  enum class Inside : std::uint8_t { nothing, decide, sync, maintain };

  // The run (simulator.cc)
  void step();
  void run_inside(Inside what, const std::function<void()>& part);
  void run_meanwhile();
  void drain();
  void finish();
  void scrub();
  void look_from_beside();

  // Clients (clients.cc)
  void submit_something();
  void send(Asked asked, std::size_t client);
  void submit(Command command, std::size_t client = 0);
  void submit(Block block, std::size_t client = 0);
  void submit_read();
  void settle_due();
  Result<void> run_block(BlockRun& run, TransactionPort& port);
  void lose_answer(const Request& request);
  void ask_again();

  // Answers (answers.cc)
  void answered(const RequestPtr& request, Result<StoreAnswer> reply);
  void answered_not(const RequestPtr& request, const Error& error);
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

  // The auditor (audit.cc)
  void audit();
  void audit_state();
  void audit_chain();
  void audit_queries();
  void audit_laws();
  /// Runs `read` at the engine now. \pre nothing waits
  void read_now(const std::function<void(const journal::State&)>& read);

  // Faults of class B, at the end (class_b.cc)
  void class_b();
  void write_elsewhere();
  void rot_while_open();
  void rot_while_down();
  void note_head();
  bool rot(const std::function<bool(std::string_view path)>& choose, std::optional<std::uint64_t> page = {});
  bool open_over_rot();
  void verify_over_rot();
  void look_from_beside_over_rot();

  [[noreturn]] void fail_run(Check which, const std::string& what) const;
  /// Counts the check, and fails the run where it is not good.
  void check(Check which, bool good, const char* what);
  /// `wrong` is empty where all is good.
  void check_same(Check which, const std::string& wrong, std::string_view where);
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
  std::vector<Client> clients_;
  std::list<RequestPtr> in_flight_;  // in the order they were submitted
  std::vector<RequestPtr> unknown_;  // whether they took effect: the engine failed before it could say
  std::vector<Command> asked_;       // to be asked again later: keys that were answered
  std::map<std::string, First> first_answers_;
  std::deque<Command> to_submit_;
  std::vector<Digest> chain_ = {Digest{}};  // the hash at each seq, as it was first seen
  Timestamp last_at_;
  Inside inside_ = Inside::nothing;
  bool dead_ = false;    // the engine said that it answers nothing more
  bool calm_ = false;    // the end of the run: no faults any more
  bool rotten_ = false;  // a fault of class B is there: what is read may be refused as corrupt
  std::uint64_t step_ = 0;
};

}  // namespace holdfast::sim
