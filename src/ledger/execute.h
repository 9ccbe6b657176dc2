// From a command to an event: validate, look for the key, decide, apply. The one place where these meet, for
// every store.
#pragma once

#include <memory>
#include <variant>

#include "ledger/event.h"
#include "ledger/rows.h"

namespace holdfast {

/// When and as what an event would be recorded.
struct Moment {
  Seq seq;
  Timestamp at;
};

/// Took effect on the rows and is to be recorded. `entry` lives until the next call with the same Workspace.
struct Accepted {
  const Entry* entry = nullptr;
};
/// The key had taken effect with the same content: nothing was done.
struct FirstAnswer {
  PastCommand past;
};
/// Nothing to record: a no-op without a key, or a dry run.
struct Unrecorded {
  CommandResult result;
};

using Decision = std::variant<Accepted, FirstAnswer, Unrecorded>;

/// Memory that is used again from one command to the next, so that a batch allocates nothing per item.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  struct Memory;
  [[nodiscard]] Memory& memory() { return *memory_; }

 private:
  std::unique_ptr<Memory> memory_;
};

/// Runs one command against the rows. An Error leaves them as they were. A chunked command is done one chunk
/// a call: its entry's ChunkProgress says whether another is needed; calling again with the same command goes
/// on.
[[nodiscard]] Result<Decision> execute(const Command& command, WorkingRows& rows, Moment moment,
                                       Workspace& workspace);

/// An atomic whose commands come one by one from the caller's code (`ledger.atomic`). Everything that took
/// effect is taken back unless `finish` is called and succeeds. The number of commands is not limited; a
/// command here is inside an atomic, so that neither `dry_run` nor `chunk` can stand on it.
class OpenAtomic {
 public:
  /// To be asked before a block is begun. What a block did cannot be compared, only its options: none where
  /// the key is free or not given, the first answer where it named a block with the same reason and
  /// reference, else `idempotency_conflict`. Options that break the rules are `invalid_command`.
  [[nodiscard]] static Result<std::optional<PastCommand>> look_up(const Options& options, const Rows& rows);

  OpenAtomic(WorkingRows& rows, Moment moment, Workspace& workspace);
  ~OpenAtomic();
  OpenAtomic(const OpenAtomic&) = delete;
  OpenAtomic& operator=(const OpenAtomic&) = delete;

  /// An Error leaves the rows as before this command; the block may go on. Only an atomic with
  /// `continue_on_error` that failed is recorded with its error.
  [[nodiscard]] Result<CommandResult> execute(const Command& command);
  void savepoint();
  /// Keeps what the savepoint did.
  void release_savepoint();
  /// Takes back all since the savepoint, its keys too, and records `error` in its place.
  void rollback_savepoint(Error error);
  /// Keeps everything. Accepted, or Unrecorded where nothing was changed and there is no key.
  /// `idempotency_conflict` where the key is used, be it by a command of this block: then all is taken back.
  /// The last call. \pre no savepoint is open
  [[nodiscard]] Result<Decision> finish(const Options& options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast
