// The journal store's engine: commands from all callers become groups, each group one frame, one write, one
// sync.
//
// It owns no thread. `decide` takes what waits and applies it in memory into the open group; `sync` makes the
// open group durable and gives its answers; `maintain` does a bounded step of housekeeping. The platform
// (journal_store.h) gives each a thread of its own, the simulator calls them in any order it likes. While one
// group syncs the next is decided. Keeps laws 5, 6, 7 and 9: every answer, a rejection and a read too, waits
// for the group it was decided on.
//
// Threads: `submit`, `read`, `exclusive` from any; `decide`, `sync`, `maintain` each by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "journal/history.h"
#include "journal/log.h"
#include "journal/state.h"
#include "ledger/store.h"

namespace holdfast::journal {

struct EngineOptions {
  LogOptions log;
  std::size_t group_bytes_max = std::size_t{8} << 20;  // a group is closed to more once it is larger
  std::uint64_t snapshot_every_bytes = std::uint64_t{64}
                                       << 20;  // of journal, and at least a quarter of the last snapshot
  std::function<void()>
      group_opened;  // called on the decide side when there is something to sync; must not block
  std::function<void()>
      room_again;  // called on the sync side when a full group was taken: decide can go on; must not block
};

/// What opening found and did, for people: one line each.
struct OpenReport {
  std::vector<std::string> notes;
};

class Engine {
 public:
  using Done = std::function<void(Result<StoreAnswer>)>;
  using ReadDone = std::function<void(Result<void>)>;

  /// Makes an empty ledger in an empty directory; durable when it returns.
  [[nodiscard]] static Result<void> create(Directory& root, Random& random);
  /// Takes the lock, loads the newest good snapshot and replays the journal. The directory and clock outlive
  /// the engine.
  /// \param holder  who we are, for others that find the lock taken
  [[nodiscard]] static Result<std::unique_ptr<Engine>> open(Directory& root, const Clock& clock,
                                                            EngineOptions options, std::string_view holder,
                                                            OpenReport& report);
  ~Engine();

  /// `done` is called by `sync` (or by `decide` after a failure), once.
  void submit(Command command, Done done);
  /// `read` sees the state on the decide side; `done` is called when all that it saw is durable.
  void read(std::function<void(const State&)> read, ReadDone done);
  /// `block` runs on the decide side, alone; what it did is one event, or nothing where it returns an error.
  void exclusive(Options options, std::function<Result<void>(TransactionPort&)> block, Done done);

  /// Decides what waits, until nothing does or the open group is full. False: nothing was to do.
  bool decide();
  /// Makes the open group durable and answers. False: there was none.
  bool sync();
  /// A step of a snapshot or of an index. False: nothing to do now.
  bool maintain();

  /// Reads the file that names the ledger and the whole journal up to what is durable, and checks every
  /// segment's header and every frame: finds rot in what was written long ago before it is needed. `pace` is
  /// told how many bytes were checked since its last call and takes its time; false ends the pass early.
  /// `corrupt` names file and offset; the engine goes on, since its state was built from what was good.
  [[nodiscard]] Result<void> scrub(const std::function<bool(std::size_t bytes)>& pace) const;

  /// True where commands or reads wait that `decide` could take now.
  [[nodiscard]] bool wants_decide() const;
  [[nodiscard]] bool wants_sync() const;

  /// Ends a ledger in good order. \pre everything submitted was answered
  [[nodiscard]] Result<void> close();

  /// What the groups took so far; thread-safe, waits for nothing.
  [[nodiscard]] GroupStatus groups() const;

  /// Only inside a `read`: the events with seq > after that the state has, durable or on their way, with the
  /// chain's hash.
  [[nodiscard]] Result<void> scan_applied(Seq after, const EventSink& sink) const;

  /// What the journal alone answers; thread-safe, sees what is durable.
  [[nodiscard]] const History& history() const;
  [[nodiscard]] const Log& log() const;

 private:
  Engine();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::journal
