// The commands of one atomic, one after another, each on the rows that those before it left. Keeps laws 5
// and 7.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ledger/execute.h"
#include "ledger/workspace.h"

namespace holdfast {

/// An entry of the command: its options and its request where it has a key; without a body yet.
[[nodiscard]] Entry entry_for(const Options& options, std::vector<FieldDigest> request);
/// True where recording the entry would keep nothing: no change and no key.
[[nodiscard]] bool keeps_nothing(const Entry& entry);
/// `idempotency_conflict` where the two requests differ.
[[nodiscard]] Result<void> check_same_request(std::string_view key, const std::vector<FieldDigest>& past,
                                              const std::vector<FieldDigest>& now);

class AtomicRun {
 public:
  using Entries = decltype(AtomicDone::entries);

  AtomicRun(WorkingRows& rows, Moment moment, DecideMemory& memory)
      : rows_(rows), moment_(moment), memory_(memory) {}

  /// Runs a command that stands inside the atomic, and appends its entry. An Error leaves the rows and
  /// `into` as before; only that of a savepoint is appended in its place, and is success.
  [[nodiscard]] Result<void> run(const Command& command, Entries& into);
  /// Runs all of an atomic into `entry`'s body, and takes its key. An Error leaves the rows as before.
  [[nodiscard]] Result<void> run_all(const Atomic& atomic, Entry& entry);

  /// What must be taken back with the rows.
  struct Mark {
    std::size_t keys = 0;
    std::uint64_t items = 0;
  };
  [[nodiscard]] Mark mark() const { return {order_.size(), items_}; }
  void return_to(Mark mark);
  /// Takes the key of an atomic whose commands are done. `idempotency_conflict` where it is used.
  [[nodiscard]] Result<void> take_block_key(const Entry& entry);

 private:
  struct Taken {
    std::vector<FieldDigest> request;
    std::optional<CommandResult> result;  // none: an atomic that is not done yet
  };

  [[nodiscard]] Result<std::optional<Entry>> replay(const Options& options,
                                                    const std::vector<FieldDigest>& request) const;
  [[nodiscard]] Result<void> run_single(const Command& command, Entry& entry);
  void reserve_key(const Entry& entry);
  void keep(const Entry& entry);

  WorkingRows& rows_;
  Moment moment_;
  DecideMemory& memory_;
  std::uint64_t items_ = 0;  // escrows settled so far: an event has a limit
  // Keys that this atomic took: the store cannot answer for them before it is recorded.
  std::unordered_map<std::string, Taken> taken_;
  std::vector<std::string> order_;
};

}  // namespace holdfast
