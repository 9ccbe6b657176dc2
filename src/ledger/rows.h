// What a decision may read, and what an event changes: the rows of a ledger, whatever store they live in.
//
// `decide` reads rows through Rows and never asks for more than `footprint` named. A store implements
// WorkingRows: the journal over its flat arrays, PostgreSQL over the rows that it locked and loaded. Applying
// an entry cannot fail: all that could be refused was checked when it was decided.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "holdfast/result.h"
#include "ledger/event.h"

namespace holdfast {

struct AccountRow {
  Amount available;
  Amount held;
  std::uint32_t live_escrows = 0;  // as beneficiary, with something locked: close_account asks
  Currency currency;
  AccountKind kind = AccountKind::user;
  bool open = true;
};
static_assert(sizeof(AccountRow) == 24);

/// Kept once for every escrow there ever was: one cache line.
struct EscrowRow {
  Amount amount;
  Amount released;
  Amount refunded;
  Amount commission;  // recorded for what was released
  Amount processor_fee;
  AccountId payer;
  AccountId beneficiary;
  GroupId group;
  PlanId plan;
  std::uint64_t last_seq : 56 = 0;  // the last event that touched it
  std::uint64_t frozen : 1 = 0;
  std::uint64_t dated : 1 = 0;  // has a release or refund date
  std::uint64_t unused : 6 = 0;

  [[nodiscard]] Amount locked() const { return amount - released - refunded; }
};
static_assert(sizeof(EscrowRow) == 64);

/// The state that follows from the amounts and the freeze.
[[nodiscard]] EscrowStatus status_of(const EscrowRow& row);

struct Dates {
  std::optional<Timestamp> release_at;
  std::optional<Timestamp> refund_at;
};

struct GroupRow {
  bool open = true;
  std::uint64_t escrows = 0;
  std::uint64_t live = 0;  // with something locked
};

struct PlanRow {
  std::string name;
  std::uint32_t version = 0;
  Currency currency;
  FeeRule commission;
  FeeRule processor_fee;
  Rounding rounding = Rounding::half_up;
  AccountId commission_account;
  AccountId fee_account;
  std::uint64_t live = 0;  // escrows under it with something locked
};

/// The command that a key was used for.
struct PastCommand {
  Seq seq;
  std::uint64_t event_id = 0;
  Timestamp at;
  Entry entry;
};

class Rows {
 public:
  virtual ~Rows() = default;

  [[nodiscard]] virtual std::optional<AccountId> find_account(std::string_view name) const = 0;
  /// nullptr where there is none. Pointers live until rows are applied or rolled back.
  [[nodiscard]] virtual const AccountRow* account(AccountId id) const = 0;
  [[nodiscard]] virtual std::string_view account_name(AccountId id) const = 0;

  [[nodiscard]] virtual std::optional<EscrowId> find_escrow(std::string_view key) const = 0;
  [[nodiscard]] virtual const EscrowRow* escrow(EscrowId id) const = 0;
  /// Many at once, so that a store can fetch ahead: out[i] is nullptr where ids[i] names none. \pre equal
  /// sizes
  virtual void escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const = 0;
  [[nodiscard]] virtual Dates dates(EscrowId id) const = 0;

  [[nodiscard]] virtual std::optional<GroupId> find_group(std::string_view name) const = 0;
  [[nodiscard]] virtual const GroupRow* group(GroupId id) const = 0;
  /// Appends escrows of the group with something locked, in id order, with after < id <= up_to, at most
  /// `limit` of them.
  virtual void group_escrows(GroupId id, EscrowId after, EscrowId up_to, std::size_t limit,
                             std::vector<EscrowId>& out) const = 0;

  [[nodiscard]] virtual std::optional<PlanId> find_latest_plan(std::string_view name) const = 0;
  [[nodiscard]] virtual const PlanRow* plan(PlanId id) const = 0;
  /// A latest version, or one with live escrows, that pays into the account.
  [[nodiscard]] virtual bool plan_pays_into(AccountId id) const = 0;

  /// All that is in the ledger in this currency: the sum of all buckets but those of external accounts.
  [[nodiscard]] virtual Amount currency_total(Currency currency) const = 0;

  /// True where the key has taken effect. Cheap: no disk.
  [[nodiscard]] virtual bool key_used(std::string_view key) const = 0;
  /// The command of a used key; for a chunked one, its latest event. May read the disk, and fail.
  [[nodiscard]] virtual Result<PastCommand> past_command(std::string_view key) const = 0;

  /// The ids that the next entry would take. A value that was applied is not given again.
  /// \param ahead  of accounts that the same entry opens: how many come before
  [[nodiscard]] virtual AccountId next_account_id(std::size_t ahead) const = 0;
  [[nodiscard]] virtual EscrowId next_escrow_id() const = 0;
  [[nodiscard]] virtual GroupId next_group_id() const = 0;
  [[nodiscard]] virtual PlanId next_plan_id() const = 0;
};

class WorkingRows : public Rows {
 public:
  /// Makes the entry (not an atomic as a whole: its parts one by one) take effect, its key included. Cannot
  /// fail.
  virtual void apply(const Entry& entry, Seq seq, Timestamp at) = 0;

  /// Between begin and the matching commit or rollback everything applied can be taken back. Nests.
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void rollback() = 0;
};

}  // namespace holdfast
