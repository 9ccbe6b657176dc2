// Events: what happened, with every amount in it. The only thing that changes state, and all that is kept.
//
// An Event is one command's whole effect. Its canonical bytes (event_codec.h, docs/journal_format.md) are the
// same in every store. Ids are those that the rows gave when the event was decided; each is given once. They
// may leave gaps, and in a store that draws them before it commits they need not grow with seq.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "holdfast/answers.h"
#include "holdfast/commands.h"
#include "holdfast/ids.h"

namespace holdfast {

struct AccountOpened {
  AccountId account;
  std::string name;
  Currency currency;
  AccountKind kind = AccountKind::user;
};

struct AccountClosed {
  AccountId account;
};

struct FeePlanDefined {
  PlanId plan;
  std::string name;
  std::uint32_t version = 0;
  Currency currency;
  FeeRule commission;  // `to` is always given
  FeeRule processor_fee;
  Rounding rounding = Rounding::half_up;
  AccountId commission_account;
  AccountId fee_account;
  std::vector<AccountOpened> opens;  // fee accounts that were not there
};

/// Deposit: external -> account; withdrawal: account -> external; transfer: between two others. Two postings
/// each.
struct Moved {
  enum class Kind : std::uint8_t { deposit = 1, withdraw = 2, transfer = 3 };

  Kind kind = Kind::deposit;
  AccountId from;
  AccountId to;
  Currency currency;
  Amount amount;
  std::vector<AccountOpened> opens;  // the external account that was not there
};

/// A group that an event names; `opened_name` is given where this event is the first to do so.
struct GroupUse {
  GroupId group;  // 0: none
  std::string opened_name;
};

struct Held {
  EscrowId escrow;
  AccountId payer;
  AccountId beneficiary;
  GroupUse group;
  PlanId plan;
  Currency currency;
  Amount amount;
  std::optional<Timestamp> release_at;
  std::optional<Timestamp> refund_at;
};

struct Rescheduled {
  EscrowId escrow;
  AccountId payer;
  std::optional<Timestamp> release_at;
  std::optional<Timestamp> refund_at;
};

/// A fee plan that a release used, and where it pays.
struct PlanUse {
  PlanId plan;
  Currency currency;
  AccountId commission_account;
  AccountId fee_account;
};

struct ReleasedItem {
  EscrowId escrow;
  AccountId payer;
  AccountId beneficiary;
  std::uint32_t plan_use = 0;  // index into Released::plans; stays with the escrow
  Amount amount;
  Amount commission;
  Amount processor_fee;

  [[nodiscard]] Amount net() const { return amount - commission - processor_fee; }
};

struct RefundedItem {
  EscrowId escrow;
  AccountId payer;
  std::uint32_t currency_use = 0;  // index into Refunded::currencies
  Amount amount;
};

struct Skips {
  std::vector<ItemError> first;  // at most 100
  std::vector<CodeCount> counts;
};

/// Where a chunked command stands after this event. Totals and skips are of all its chunks so far.
struct ChunkProgress {
  EscrowId done_through;  // the last escrow looked at
  EscrowId limit;         // the set: escrows of the group up to here
  bool last = false;
  std::vector<Total> totals;
  Skips skips;
};

/// What the answer of a batch needs beside its items.
struct BatchInfo {
  Skips skips;     // of this event
  GroupUse group;  // none: the batch was a list
  bool closes_group = false;
  std::optional<ChunkProgress> chunk;
};

struct Released {
  std::vector<PlanUse> plans;
  std::vector<ReleasedItem> items;
  BatchInfo batch;
};

struct Refunded {
  std::vector<Currency> currencies;
  std::vector<RefundedItem> items;
  BatchInfo batch;
};

struct Frozen {
  EscrowId escrow;
  AccountId payer;
};

struct Resolved {
  EscrowId escrow;
  AccountId payer;
  AccountId beneficiary;
  PlanUse plan;
  Amount to_payer;
  Amount to_beneficiary;  // gross: the fees are in it
  Amount commission;
  Amount processor_fee;
};

struct GroupClosed {
  GroupUse group;
};

struct GroupReopened {
  GroupUse group;
};

/// A command that changed nothing but has a key to remember (or stands in an atomic): an account opened
/// again, a fee plan defined as it is, a group closed twice. `op` is the operation's index in `Operation`;
/// `version` answers define_fee_plan.
struct Unchanged {
  std::uint8_t op = 0;
  std::uint32_t version = 0;
};

/// Inside an atomic: a command whose key had taken effect before. Posts nothing; carries the first answer.
struct Replayed {
  Seq original;
  CommandResult result;
};

struct Entry;

/// An `atomic`: its commands in order; a savepoint that was rolled back has its error.
struct AtomicDone {
  std::vector<std::expected<Entry, Error>> entries;
};

using Body =
    std::variant<AccountOpened, AccountClosed, FeePlanDefined, Moved, Held, Rescheduled, Released, Refunded,
                 Frozen, Resolved, GroupClosed, GroupReopened, Unchanged, Replayed, AtomicDone>;

/// One field of the request that a key remembers: `field` as numbered in request.h, `hash` of its value as
/// asked.
struct FieldDigest {
  std::uint8_t field = 0;
  std::uint64_t hash = 0;

  friend bool operator==(const FieldDigest&, const FieldDigest&) = default;
};

/// One command's effect with what was asked around it. `request` is filled only where there is a key, ordered
/// by field.
struct Entry {
  std::string key;
  std::string actor;
  std::string reason;
  std::string reference;
  std::vector<FieldDigest> request;
  Body body;
};

struct Event {
  Seq seq;
  Timestamp at;
  Entry entry;
};

/// `release`, `hold`, ...: the op of the command that made this.
[[nodiscard]] std::string_view op_name(const Body& body);

/// The answer's result; for a chunk, that of all chunks so far. The first answer and every replay come from
/// here.
[[nodiscard]] CommandResult result_of(const Entry& entry);

/// How far a chunked command is after this event; nullptr for any other.
[[nodiscard]] const ChunkProgress* progress_of(const Entry& entry);

/// Calls `visit(const Entry&)` for the entry itself where it is no atomic, else for each that took effect, in
/// order.
template <class Visit>
void for_each_effect(const Entry& entry, Visit&& visit) {
  if (const auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
    for (const auto& inner : atomic->entries) {
      if (inner) for_each_effect(*inner, visit);
    }
  } else {
    visit(entry);
  }
}

/// The entry of the event that has this key: its own or, in an atomic, that of a part. nullptr: none.
[[nodiscard]] const Entry* entry_with_key(const Entry& entry, std::string_view key);

/// True where the entry, or a part of it, held this escrow.
[[nodiscard]] bool holds_escrow(const Entry& entry, EscrowId escrow);

}  // namespace holdfast
