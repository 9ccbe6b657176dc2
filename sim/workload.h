// Random commands of every kind, over so few names that they get in each other's way.
//
// Each run draws its own weights, some of them 0 (swarm testing): bugs hide behind mixtures that an even
// one never makes. Every request has a reference of its own, so that an event found after a crash can be told
// to the request that made it; a request that is asked again on purpose keeps its reference.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "holdfast/commands.h"
#include "sim/model.h"
#include "sim/prng.h"

namespace holdfast::sim {

/// What a caller's own code does in an exclusive block, and whether it commits.
struct Block {
  struct Step {
    enum class Kind : std::uint8_t { execute, savepoint, release_savepoint, rollback_savepoint };

    Kind kind = Kind::execute;
    Command command;
  };

  Options options;
  std::vector<Step> steps;
  bool commits = true;
};

class Workload {
 public:
  /// \param name  begins every key and reference, where several workloads meet in one ledger
  explicit Workload(Prng prng, std::string name = {});

  /// The commands that a run begins with: accounts, plans, money.
  [[nodiscard]] std::vector<Command> opening();
  /// \param book  what is known of the ledger; it may be behind
  [[nodiscard]] Command next(const ModelBook& book);
  [[nodiscard]] Block next_block(const ModelBook& book);
  /// The same request once more, now and then by another actor.
  [[nodiscard]] Command again(Command command);
  /// A few commands that take the ledger past what one currency may hold.
  [[nodiscard]] Command flood();

 private:
  enum class Kind : std::uint8_t {
    open_account,
    close_account,
    fee_plan,
    deposit,
    withdraw,
    transfer,
    hold,
    reschedule,
    release,
    refund,
    freeze,
    resolve,
    close_group,
    reopen_group,
    atomic  // the last: it gives their number
  };
  static constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::atomic) + 1;

  std::uint32_t& weight(Kind kind) { return weights_[static_cast<std::size_t>(kind)]; }
  Operation operation(const ModelBook& book, int depth);
  Command command(const ModelBook& book, int depth);
  Options options(bool needs_key);
  Operation open_account();
  Operation fee_plan();
  Operation hold(const ModelBook& book);
  Operation resolve(const ModelBook& book);
  Operation nested(const ModelBook& book, int depth);
  template <class Batch>
  void fill_batch(Batch& batch, const ModelBook& book, int depth);

  /// Has it expect what it comes to now, or something near it.
  template <class Batch>
  void expect(Batch& batch, const ModelBook& book);

  FeeRule rule();
  Amount amount();
  EscrowRef escrow(const ModelBook& book, bool prefer_live);
  std::string user();
  std::string shop();
  std::string any_account();
  std::string group();
  std::string plan_name();
  Currency currency();
  std::optional<Timestamp> date();

  Prng prng_;
  std::string name_;
  std::array<std::uint32_t, kKinds> weights_{};
  std::uint64_t small_amounts_of_million_;
  std::uint64_t counter_ = 0;
  std::vector<Command> asked_;  // the latest requests with a key, to ask again
};

}  // namespace holdfast::sim
