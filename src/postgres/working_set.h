// The rows that one transaction locked and loaded, and what its commands change in them: the bridge between
// the pure core, which reads and applies rows, and SQL, which loads and writes them in sets.
//
// An event's number here is its event id: its seq is given when it is sealed.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ledger/effects.h"
#include "ledger/rows.h"
#include "postgres/session.h"

namespace holdfast::postgres {

struct LoadedAccount {
  std::string name;
  AccountRow row;  // `available` is loaded where the account may be debited or closed, the rest where it may
                   // be closed
  bool fresh = false;
  bool debited = false;  // by an event of this transaction
  bool closed = false;   // likewise
  // What was loaded of the sums; what this transaction changed is the rest of `row`.
  Amount stored_available;
  Amount stored_held;
  std::uint32_t stored_live = 0;
};

/// What an account that is not loaded has got from this transaction.
struct UnloadedSums {
  Amount available;
  Amount held;
  std::uint32_t live_escrows = 0;  // modulo 2^32, as they may go down
};

struct LoadedEscrow {
  EscrowId id;
  RowPlace place;  // where it is not fresh
  EscrowRow row;
  Dates dates;
  std::uint64_t held_by = 0;  // the event that held it
  std::uint64_t before = 0;   // the last event before this transaction; 0 where it is fresh
  absl::InlinedVector<std::uint64_t, 1> touched_by;  // events of this transaction, in order
  bool due_before = false;                           // had a row in due_dates
  PlanId plan_before;
  bool frozen_before = false;
  Dates dates_before;
  Amount released_before;
  Amount refunded_before;
  std::string key;  // where it is fresh

  /// Nothing is left, and the other part of its amount is what it was.
  [[nodiscard]] bool rest_was_released() const {
    return row.locked() == Amount() && row.refunded == refunded_before && row.released != released_before;
  }
  [[nodiscard]] bool rest_was_refunded() const {
    return row.locked() == Amount() && row.released == released_before && row.refunded != refunded_before;
  }
  [[nodiscard]] bool changed_only_money() const {
    return plan_before == row.plan && frozen_before == (row.frozen != 0) &&
           dates_before.release_at == dates.release_at && dates_before.refund_at == dates.refund_at;
  }
};

struct LoadedGroup {
  std::string name;
  GroupRow row;
  bool fresh = false;
  bool changed = false;
};

struct LoadedPlan {
  PlanRow row;  // `live` counts only where an account that the plan pays may be closed
  bool fresh = false;
  std::uint64_t stored_live = 0;
};

struct TakenKey {
  std::string key;
  std::uint64_t event = 0;
  EscrowId escrow;           // where the command held one
  bool later_chunk = false;  // taken by an earlier event of the same chunked command
};

/// Looked up by a view of the text.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

/// What an event changes in `available` of an account.
struct PendingKey {
  std::uint64_t event = 0;
  AccountId account;
  friend bool operator==(const PendingKey&, const PendingKey&) = default;
};
struct PendingHash {
  std::size_t operator()(const PendingKey& key) const {
    return std::hash<std::uint64_t>{}((key.event << 32) ^ key.account.value());
  }
};
using PendingAmounts = std::unordered_map<PendingKey, Amount, PendingHash>;

class WorkingSet final : public WorkingRows {
 public:
  // Filling, by the loader. A row that was loaded before is locked, and stays as it is. Sums are not locked:
  // the last that was read counts, and what this transaction changed comes on top. They tell whether that can
  // matter to what was decided: a balance by any change, what stands against closing by becoming none or
  // some.
  void add_account(AccountId id, std::string name, AccountRow row);
  void add_escrow(LoadedEscrow escrow);
  void add_escrow_key(std::string key, EscrowId id) { escrow_keys_[std::move(key)] = id; }
  void add_group(GroupId id, std::string name, bool open);
  void add_plan(PlanId id, PlanRow row) { plans_.try_emplace(id, LoadedPlan{std::move(row)}); }
  /// Accounts may be added after events were applied that change them: what they changed counts then.
  void load_later() { loads_later_ = true; }
  bool set_available(AccountId id, Amount stored);
  bool set_live(AccountId id, Amount held, std::uint32_t live_escrows);
  bool set_plan_live(PlanId id, std::uint64_t stored);
  /// \return whether it is another one than was known
  bool set_latest_plan(const std::string& name, PlanId id);
  void set_total(Currency currency, Amount stored) {
    totals_[currency] += stored - std::exchange(stored_totals_[currency], stored);
  }
  void add_past(const std::string& key, const PastCommand& past) { past_.try_emplace(key, past); }
  /// Adds to those not used yet.
  void give_ids(const std::vector<AccountId>& accounts, const std::vector<EscrowId>& escrows,
                const std::vector<GroupId>& groups, const std::vector<PlanId>& plans);

  // Rows, see ledger/rows.h.
  std::optional<AccountId> find_account(std::string_view name) const override;
  const AccountRow* account(AccountId id) const override;
  std::string_view account_name(AccountId id) const override;
  std::optional<EscrowId> find_escrow(std::string_view key) const override;
  const EscrowRow* escrow(EscrowId id) const override;
  void escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const override;
  Dates dates(EscrowId id) const override;
  std::optional<GroupId> find_group(std::string_view name) const override;
  const GroupRow* group(GroupId id) const override;
  void group_escrows(GroupId id, EscrowId after, EscrowId up_to, std::size_t limit,
                     std::vector<EscrowId>& out) const override;
  std::optional<PlanId> find_latest_plan(std::string_view name) const override;
  const PlanRow* plan(PlanId id) const override;
  bool plan_pays_into(AccountId id) const override;
  Amount currency_total(Currency currency) const override;
  bool key_used(std::string_view key) const override;
  Result<PastCommand> past_command(std::string_view key) const override;
  AccountId next_account_id(std::size_t ahead) const override;
  EscrowId next_escrow_id() const override;
  GroupId next_group_id() const override;
  PlanId next_plan_id() const override;
  void apply(const Entry& entry, Seq event, Timestamp at) override;
  void begin() override;
  void commit() override;
  void rollback() override;

  /// After an event of this transaction: later commands of it may name its key.
  void note_event(std::uint64_t event, Timestamp at, const Entry& entry);

  /// Gives what was done under one number another: a block's event is numbered at its end.
  void rename_event(std::uint64_t from, std::uint64_t to);

  // What is to be written.
  [[nodiscard]] const std::unordered_map<AccountId, LoadedAccount>& changed_accounts() const {
    return accounts_;
  }
  [[nodiscard]] const std::deque<LoadedEscrow>& changed_escrows() const { return escrows_; }
  [[nodiscard]] const std::map<GroupId, LoadedGroup>& changed_groups() const { return groups_; }
  [[nodiscard]] const std::map<PlanId, LoadedPlan>& changed_plans() const { return plans_; }
  [[nodiscard]] const std::vector<TakenKey>& taken_keys() const { return taken_; }
  [[nodiscard]] const PendingAmounts& pending() const { return pending_; }

 private:
  friend class WorkingEdit;
  template <class Undo>
  void undoable(Undo&& undo) {
    if (!marks_.empty()) undo_.emplace_back(std::forward<Undo>(undo));
  }
  [[nodiscard]] LoadedEscrow* loaded(EscrowId id);
  void add_member(GroupId group, EscrowId id);
  void change_unloaded(AccountId id, const UnloadedSums& change);

  std::unordered_map<AccountId, LoadedAccount> accounts_;
  bool loads_later_ = false;
  std::unordered_map<AccountId, UnloadedSums> unloaded_;
  TextMap<AccountId> account_names_;
  std::deque<LoadedEscrow> escrows_;  // rows stay where they are
  absl::flat_hash_map<EscrowId, std::size_t> escrow_places_;
  TextMap<EscrowId> escrow_keys_;
  std::map<GroupId, LoadedGroup> groups_;
  std::map<std::string, GroupId, std::less<>> group_names_;
  std::unordered_map<GroupId, std::vector<EscrowId>> members_;  // ascending
  std::map<PlanId, LoadedPlan> plans_;
  std::map<std::string, PlanId, std::less<>> latest_plans_;
  std::map<Currency, Amount> totals_;
  std::map<Currency, Amount> stored_totals_;
  TextMap<PastCommand> past_;
  TextMap<std::uint64_t> used_keys_;  // by events of this transaction
  std::vector<TakenKey> taken_;
  PendingAmounts pending_;
  std::vector<AccountId> account_ids_;
  std::vector<EscrowId> escrow_ids_;
  std::vector<GroupId> group_ids_;
  std::vector<PlanId> plan_ids_;
  std::size_t used_accounts_ = 0;
  std::size_t used_escrows_ = 0;
  std::size_t used_groups_ = 0;
  std::size_t used_plans_ = 0;
  std::vector<FeeSums> sums_;
  std::vector<std::function<void()>> undo_;
  std::vector<std::size_t> marks_;
};

}  // namespace holdfast::postgres
