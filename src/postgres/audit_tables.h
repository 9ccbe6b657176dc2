// What the auditor of all stores (ledger/laws.h) does not know of: the tables in which this store keeps what
// it can find faster so. Rebuilt from the events and compared: lines and pending, keys and chunks, the events
// that touched an escrow, dates that are due, and what stands beside an event's entry.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <fmt/format.h>

#include "ledger/audit_books.h"
#include "ledger/audit_findings.h"
#include "postgres/replays.h"
#include "postgres/snapshot_rows.h"

namespace holdfast::postgres {

/// An event as its row has it.
struct StoredEvent {
  std::uint64_t id = 0;
  Seq seq;  // the one that it will get, where it is not sealed
  bool sealed = false;
  std::string op;
  std::string actor;
  std::string reason;
  std::string reference;
  bool replays = false;
  Entry entry;  // with ids of events that it replays
};

class TableAudit {
 public:
  /// \pre the keys of `rows` are loaded before the first event, the rest before `compare`
  TableAudit(Snapshot& snapshot, std::int64_t ledger, SnapshotRows& rows, audit::Findings& findings,
             const HashSecret& secret)
      : snapshot_(snapshot), ledger_(ledger), rows_(rows), findings_(findings), secret_(secret) {}

  [[nodiscard]] Result<void> load_chunks();
  /// Each event, in the order of seqs.
  void event(const StoredEvent& event);
  /// Each escrow of the tables, after the events.
  void escrow(const SnapshotRows::EscrowMarks& marks);
  [[nodiscard]] Result<void> compare();

 private:
  struct Lines {
    std::uint64_t available = 0;  // sums that wrap where the events are wrong
    std::uint64_t held = 0;
    std::uint64_t count = 0;
    Hash128 digest;  // over all lines, in order
  };
  struct Line {
    std::uint64_t seq, available, held, available_after, held_after, available_escrows, held_escrows;
  };
  struct Touches {
    std::uint64_t held_by = 0;
    std::uint64_t last = 0;
    std::uint64_t between = 0;  // a sum of hashes
  };
  struct Chunk {
    std::uint64_t event = 0;
    Hash128 key;
    friend bool operator==(const Chunk&, const Chunk&) = default;
  };
  struct HashOfChunk {
    std::size_t operator()(const Chunk& chunk) const { return chunk.key.low ^ chunk.event; }
  };

  template <class... Args>
  void wrong(audit::Law law, fmt::format_string<Args...> format, Args&&... args) {
    findings_.add(law, fmt::format(format, std::forward<Args>(args)...));
  }
  void columns(const StoredEvent& event);
  void keys(const StoredEvent& event, const Entry& entry);
  void key(const StoredEvent& event, const Entry& entry);
  void touches(const StoredEvent& event);
  void touch(std::uint64_t event, EscrowId escrow);
  void buckets(const StoredEvent& event);
  void add(Lines& lines, const Line& line) const;
  [[nodiscard]] std::string name(AccountId id) const;

  [[nodiscard]] Result<void> compare_lines();
  void end_account(AccountId id, const Lines& found, bool told);
  void ask_pending();
  void ask_escrow_events();
  void ask_due_dates();
  void ask_events();
  [[nodiscard]] Result<void> compare_keys();
  void compare_catalog();

  Snapshot& snapshot_;
  std::int64_t ledger_;
  SnapshotRows& rows_;
  audit::Findings& findings_;
  HashSecret secret_;
  std::uint64_t keys_seen_ = 0;
  absl::flat_hash_set<Chunk, HashOfChunk> chunks_;
  absl::flat_hash_map<AccountId, Lines> lines_;
  std::map<std::pair<AccountId, std::uint64_t>, std::int64_t> pending_;  // by account and event
  audit::Paged<Touches> touches_;
  std::uint64_t escrows_held_ = 0;
  absl::flat_hash_set<GroupId> groups_;
  absl::flat_hash_set<PlanId> plans_;
};

}  // namespace holdfast::postgres
