// What can be asked of a ledger. Every answer was decided on durable state.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "holdfast/answers.h"
#include "holdfast/commands.h"

namespace holdfast {

inline constexpr std::size_t kMaxPage = 10'000;

/// At most one of group, payer and beneficiary. Ordered by id; `limit` 1 to kMaxPage.
struct EscrowFilter {
  std::string group;
  std::string payer;
  std::string beneficiary;
  std::optional<EscrowStatus> status;
  EscrowId after;
  std::size_t limit = 100;
};

/// Lines with seq > after, oldest first.
struct StatementQuery {
  std::string account;
  Seq after{};
  std::size_t limit = 100;
};

/// A line's place: two lines (one a bucket) can share a seq, so a page never ends between them.
using StatementPage = Page<StatementLine, Seq>;
using EscrowPage = Page<EscrowView, EscrowId>;
using EventPage = Page<EventView, Seq>;

/// An escrow whose date has come.
struct DueEscrow {
  EscrowId escrow;
  bool release = true;  // else refund
  Timestamp at;
};

/// What checks of the whole journal found in the background, while the ledger is open for writing.
struct ScrubStatus {
  std::uint64_t passes = 0;  // that were completed
  std::string failure;  // empty: nothing wrong was found; else the file, the offset and what is wrong there
};

/// What was tried again, or given up, since the ledger was opened (PostgreSQL store).
struct RetryStatus {
  std::uint64_t conflicts = 0;      // deadlocks and serialization failures
  std::uint64_t lock_timeouts = 0;  // another transaction kept a row
  std::uint64_t raced_names = 0;    // two transactions made the same name or key
  std::uint64_t reconnects = 0;     // connections that were lost
  std::uint64_t given_up = 0;       // commands answered `busy` after the last try
};

/// What the groups took since the ledger was opened for writing (journal store): the events of many callers
/// that were written and synced together.
struct GroupStatus {
  std::uint64_t groups = 0;   // that are durable
  std::uint64_t events = 0;   // in them
  std::uint64_t sync_ns = 0;  // what writing and syncing them took, all together
  /// [i]: groups whose writing and syncing took less than 2^i microseconds but not less than half of that;
  /// the last one has all that took longer.
  std::array<std::uint64_t, 26> sync_micros{};
  /// [i]: groups of less than 2^i events, but not of less than half of that; the last one has all that had
  /// more.
  std::array<std::uint64_t, 22> sizes{};
  std::uint64_t waiting = 0;  // commands and queries that are not decided yet
};

struct LedgerStatus {
  Seq seq;                         // of the last durable event
  std::string head;                // the chain's hash there, in hex
  std::uint64_t escrows = 0;       // the last number given; a store may leave some out
  std::uint64_t accounts = 0;      // likewise
  std::uint64_t memory_bytes = 0;  // journal store: what its state takes
  ScrubStatus scrub;
  std::uint64_t journal_bytes = 0;          // journal store: all frames so far, padding included
  std::uint64_t unsealed = 0;               // PostgreSQL store: events that have no seq yet
  std::optional<Timestamp> unsealed_since;  // when the oldest of them happened
  std::string
      sealing_failure;  // PostgreSQL store, open for writing: why the last try failed; empty: it did not
  RetryStatus retries;
  GroupStatus groups;
};

}  // namespace holdfast
