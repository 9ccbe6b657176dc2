// Snapshots: `snapshot/<seq>`, only ever an optimisation; docs/journal_format.md gives every byte.
//
// A snapshot is written a chunk a step while the ledger goes on; each chunk is stamped with the seq it holds,
// and recovery applies to each chunk only the events after its stamp. It counts once its end is durable and
// it has its final name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "journal/state.h"
#include "journal/uuid.h"

namespace holdfast::journal {

/// Makes one snapshot in bounded steps. Two phases, so that the decide side copies memory and another thread
/// writes files: `collect` (decide side: bytes of the next chunk, no I/O), then `write` (anywhere, one at a
/// time: file calls).
class SnapshotWriter {
 public:
  /// \param directory  the `snapshot` directory
  [[nodiscard]] static Result<std::unique_ptr<SnapshotWriter>> begin(Directory& directory,
                                                                     const LedgerUuid& ledger,
                                                                     const State& state);
  ~SnapshotWriter();

  /// False once all chunks are collected.
  [[nodiscard]] bool collect(const State& state);
  /// Writes what was collected. After the last: waits for nothing, but needs `durable` to have reached every
  /// stamp before the snapshot is given its final name; until then returns false. True: it is complete, older
  /// ones but one are removed.
  [[nodiscard]] Result<bool> write(Seq durable);
  /// Written so far.
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  SnapshotWriter();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct LoadedSnapshot {
  Seq from;                              // the smallest stamp: the journal is to be replayed after it
  Seq through;                           // the largest stamp: the journal must reach it
  std::string name;                      // empty: none was good
  std::vector<std::string> passed_over;  // bad ones: name and what is wrong
};

/// Loads the newest good snapshot whose stamps are all <= durable (one with more is passed over). A bad one
/// leaves `state` as new. \param make_state  a fresh state for each try
[[nodiscard]] Result<LoadedSnapshot> load_newest_snapshot(
    Directory& directory, const LedgerUuid& ledger, Seq durable,
    const std::function<std::unique_ptr<State>()>& make_state, std::unique_ptr<State>& state);

}  // namespace holdfast::journal
