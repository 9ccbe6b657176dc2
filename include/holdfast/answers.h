// What comes back: the answers of commands and the rows of queries. All amounts are minor units of the row's
// currency.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "holdfast/commands.h"
#include "holdfast/ids.h"
#include "holdfast/money.h"
#include "holdfast/result.h"
#include "holdfast/time.h"

namespace holdfast {

struct HoldResult {
  std::optional<EscrowId> escrow;  // none in a dry run

  friend bool operator==(const HoldResult&, const HoldResult&) = default;
};

struct PlanResult {
  std::uint32_t version = 0;

  friend bool operator==(const PlanResult&, const PlanResult&) = default;
};

/// Of release, refund and resolve. `totals` covers exactly what moved, ordered by currency code.
struct Settlement {
  enum class Kind : std::uint8_t { release, refund, resolve };

  Kind kind = Kind::release;
  std::vector<Total> totals;
  std::vector<ItemError> skipped;  // the first 100
  std::vector<CodeCount> skipped_count;
  Amount to_payer;  // resolve only

  friend bool operator==(const Settlement&, const Settlement&) = default;
};

struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};

struct AtomicResult;
using CommandResult = std::variant<Nothing, HoldResult, PlanResult, Settlement, AtomicResult>;

/// One entry a command, in order; a savepoint that was rolled back has its error in place of a result.
struct AtomicResult {
  std::vector<std::expected<CommandResult, Error>> results;
};

/// An accepted command. A command that changed nothing and has no key (an account opened twice) has no event:
/// then `event_id` and `seq` are none. In a dry run all ids are none.
struct Answer {
  std::optional<std::uint64_t> event_id;
  std::optional<Seq> seq;
  Timestamp at;
  bool replayed = false;
  CommandResult result;
};

struct AccountView {
  std::string account;
  Currency currency;
  AccountKind kind = AccountKind::user;
  Amount available;
  Amount held;
  bool open = true;
};

enum class EscrowStatus : std::uint8_t { locked = 1, frozen = 2, released = 3, refunded = 4, split = 5 };
/// `LOCKED`, `FROZEN`, `RELEASED`, `REFUNDED`, `SPLIT`.
[[nodiscard]] std::string_view to_string(EscrowStatus status);
[[nodiscard]] std::optional<EscrowStatus> parse_escrow_status(std::string_view text);

struct EscrowView {
  EscrowId escrow;
  std::string key;
  std::string payer;
  std::string beneficiary;
  std::string group;  // empty: none
  Currency currency;
  Amount amount;
  Amount released;
  Amount refunded;
  Amount locked;
  EscrowStatus status = EscrowStatus::locked;
  std::string fee_plan;
  std::uint32_t fee_plan_version = 0;
  Amount commission;  // of what was released
  Amount processor_fee;
  Amount net;
  Timestamp held_at;
  std::optional<Timestamp> closed_at;  // when nothing was locked any more
  std::optional<Timestamp> release_at;
  std::optional<Timestamp> refund_at;
};

struct GroupView {
  std::string group;
  bool open = true;
  std::uint64_t escrows = 0;  // all that were ever held in it
  std::uint64_t live = 0;     // those with something locked
};

/// What the escrows of a group come to in one currency: amount = locked + frozen + released + refunded, and
/// released = commission + processor_fee + net.
struct GroupTotal {
  Currency currency;
  std::uint64_t escrows = 0;
  Amount amount;
  Amount locked;  // of escrows that are LOCKED
  Amount frozen;  // of those that are FROZEN
  Amount released;
  Amount refunded;
  Amount commission;
  Amount processor_fee;
  Amount net;
  // Escrows by status.
  std::uint64_t locked_escrows = 0;
  std::uint64_t frozen_escrows = 0;
  std::uint64_t released_escrows = 0;
  std::uint64_t refunded_escrows = 0;
  std::uint64_t split_escrows = 0;

  friend bool operator==(const GroupTotal&, const GroupTotal&) = default;
};

/// A group and its sums, all of one moment.
struct GroupSummary {
  GroupView group;
  std::vector<GroupTotal> totals;  // by currency code
};

struct FeePlanView {
  std::string fee_plan;
  std::uint32_t version = 0;
  Currency currency;
  FeeRule commission;  // `to` is always given
  FeeRule processor_fee;
  Rounding rounding = Rounding::half_up;
};

enum class Bucket : std::uint8_t { available = 1, held = 2 };
[[nodiscard]] std::string_view to_string(Bucket bucket);

/// What one event did to one bucket of the account.
struct StatementLine {
  Seq seq;
  Timestamp at;
  std::string op;
  Bucket bucket = Bucket::available;
  Amount amount;              // signed
  Amount balance;             // of this bucket after the event
  std::uint64_t escrows = 0;  // how many escrows of the event touched this bucket
  std::string reference;
};

struct PostingView {
  std::string account;
  Bucket bucket = Bucket::available;
  Amount amount;
  Currency currency;
};

/// What one event did to escrows, of one currency: never counted twice, whatever its answer repeats (a chunk
/// answers for all chunks before it too, a replay inside an atomic for another event).
struct EventSums {
  Currency currency;
  Amount held;      // locked by holds
  Amount released;  // commission, processor fee and net together
  Amount refunded;
  Amount commission;
  Amount processor_fee;

  friend bool operator==(const EventSums&, const EventSums&) = default;
};

/// An event as people and followers read it.
struct EventView {
  Seq seq;
  Timestamp at;
  std::string op;
  std::string actor;
  std::string key;
  std::string reason;
  std::string reference;
  CommandResult result;               // the answer that its command got
  std::vector<EscrowId> escrows;      // those it held, changed or settled, at most 1,000 of them
  std::uint64_t escrow_count = 0;     // all of them
  std::vector<PostingView> postings;  // one an account and bucket, in the order of account numbers
  std::vector<EventSums> sums;        // one a currency, in the order of codes
  std::uint64_t froze = 0;            // escrows that it froze
  std::uint64_t thawed = 0;           // escrows whose freeze it ended
  std::array<std::uint8_t, 32> hash{};
};

/// Of one currency: what all accounts of a kind have available, what is held in all, and the sum of all
/// buckets.
struct TrialBalance {
  Currency currency;
  Amount available;   // users and beneficiaries
  Amount held;        // locked in escrows
  Amount external;    // what is outside, as a minus
  Amount commission;  // platform accounts
  Amount processor_fee;
  Amount sum;  // 0, or a law is broken
};

struct LawCheck {
  std::string law;  // `conservation`, `escrow`, ...: the laws of docs/laws.md
  bool ok = false;
  std::string detail;
};

struct AuditReport {
  bool ok = false;
  std::vector<LawCheck> checks;
};

/// One thing that happened to an escrow, with the sums that its fees were computed from.
struct EscrowHistoryLine {
  Seq seq;
  Timestamp at;
  std::string op;  // of the innermost command that did it
  std::string actor;
  std::string reason;
  std::string reference;
  std::string group;         // of the batch, where it was a group
  std::uint64_t others = 0;  // escrows that the same command settled beside this one
  Amount amount;             // held, released or refunded
  Amount commission;
  Amount processor_fee;
  Amount net;
  std::optional<FeePlanView> plan;  // held: as of then; released: the one used
};

/// A page: rows, and the cursor that continues it (none at the end). A page may be short, even empty, and yet
/// go on: the work a page does is bounded, not the rows it finds.
template <class Row, class Cursor>
struct Page {
  std::vector<Row> rows;
  std::optional<Cursor> next;
};

}  // namespace holdfast
