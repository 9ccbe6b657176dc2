// Who gives commands: clients of a store, and callers with transactions of their own. Each is one thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "holdfast/commands.h"
#include "ledger/store.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/storm/faults.h"
#include "tests/support/seal_order.h"

namespace holdfast::storm {

/// How far a round is, and what was met and went wrong on the threads of all rounds. Thread-safe.
class Progress {
 public:
  /// A round begins.
  void begin();
  /// A command has come to its end, whichever that is.
  void done();
  /// Returns when so many of the commands are done.
  void wait_for(std::size_t commands);
  /// \return how often it was met by now, in all rounds
  std::uint64_t met(Fault fault);
  void complain(std::string what);

  [[nodiscard]] FaultCounts faults();
  [[nodiscard]] std::vector<std::string> complaints();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t done_ = 0;
  FaultCounts faults_;
  std::vector<std::string> complaints_;
};

using Task = std::variant<Command, sim::Block>;

/// An answer that must stay what it is.
struct Acknowledged {
  Task task;
  Answer answer;
};

class Person {
 public:
  virtual ~Person() = default;
  /// Gives the commands and blocks one after another.
  virtual void run(std::span<const Task> tasks, Progress& progress) = 0;
  /// After a round, once nothing is under way any more.
  virtual void look_back(postgres::Session&) {}
  [[nodiscard]] virtual std::vector<Acknowledged> acknowledged() const = 0;
};

/// Gives commands to stores, and asks again under the same key where he got no answer.
class Client final : public Person {
 public:
  Client(std::vector<Store*> stores, testing::SealOrder& order, sim::Prng prng)
      : stores_(std::move(stores)), order_(order), prng_(prng) {}

  void run(std::span<const Task> tasks, Progress& progress) override;
  [[nodiscard]] std::vector<Acknowledged> acknowledged() const override { return acknowledged_; }

 private:
  enum class Next : std::uint8_t { again, end };

  Next give(const Command& command, Progress& progress);
  Next give(const sim::Block& block, Progress& progress);
  /// Whether the answer does not reach him; then what he does.
  std::optional<Next> loses(const Options& options, Progress& progress);
  Next failed(const std::string& what, const Options& options, const Error& error, Progress& progress);

  std::vector<Store*> stores_;
  testing::SealOrder& order_;
  sim::Prng prng_;
  int busy_ = 0;  // answers in a row
  std::vector<Acknowledged> acknowledged_;
};

}  // namespace holdfast::storm
