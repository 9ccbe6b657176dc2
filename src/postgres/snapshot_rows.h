// The rows of a whole ledger as one snapshot has them, for an audit. Accounts, groups, plans and a hash of
// each key are loaded; escrows are read when they are asked for, a page of numbers at a time.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <map>
#include <unordered_map>

#include "base/hash.h"
#include "ledger/audit_findings.h"
#include "ledger/rows.h"
#include "postgres/snapshot.h"

namespace holdfast::postgres {

class SnapshotRows final : public Rows {
 public:
  struct Key {
    std::uint64_t event = 0;
    EscrowId escrow;
    bool seen = false;  // for who compares
  };
  /// What Rows does not show of an escrow.
  struct EscrowMarks {
    EscrowId id;
    std::uint64_t held_by = 0;
    std::uint64_t last_event = 0;
    std::string_view key;
  };

  SnapshotRows(Snapshot& snapshot, std::int64_t ledger, audit::Findings& findings)
      : snapshot_(snapshot), ledger_(ledger), findings_(findings) {}

  [[nodiscard]] Result<void> load_keys(const HashSecret& secret);
  /// The rest. \param visit  is called for each escrow, in the order of their numbers
  [[nodiscard]] Result<void> load(const std::function<void(const EscrowMarks&)>& visit);
  /// What kept a row from being read after that: what was answered since is worth nothing.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  [[nodiscard]] Key* key(std::string_view text);
  [[nodiscard]] std::size_t keys() const { return keys_.size(); }
  [[nodiscard]] std::size_t escrow_count() const { return escrow_count_; }
  [[nodiscard]] const std::map<GroupId, std::string>& group_names() const { return group_names_; }
  [[nodiscard]] const std::map<PlanId, PlanRow>& plans() const { return plans_; }

  // Rows, as far as an audit asks.
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

 private:
  struct Account {
    std::string name;
    AccountRow row;
  };
  struct Escrow {
    EscrowRow row;
    Dates dates;
  };
  struct ByHash {
    std::size_t operator()(const Hash128& hash) const { return hash.low; }
  };
  static constexpr std::uint64_t kPage = 4096;

  [[nodiscard]] Result<void> load_escrow_sums(const std::function<void(const EscrowMarks&)>& visit);
  [[nodiscard]] Result<void> load_accounts();
  [[nodiscard]] Result<void> load_catalog();
  void load_page(std::uint64_t first) const;
  [[nodiscard]] const Escrow* find(EscrowId id) const;
  void count(const EscrowRow& row);

  Snapshot& snapshot_;
  std::int64_t ledger_;
  audit::Findings& findings_;
  HashSecret secret_{};
  absl::flat_hash_map<Hash128, Key, ByHash> keys_;
  absl::flat_hash_map<AccountId, Account> accounts_;
  std::unordered_map<std::string, AccountId> account_ids_;
  std::map<GroupId, GroupRow> groups_;
  std::map<GroupId, std::string> group_names_;
  std::unordered_map<std::string, GroupId> group_ids_;
  std::map<PlanId, PlanRow> plans_;
  std::unordered_map<std::string, PlanId> latest_plans_;
  std::map<Currency, audit::Wide> totals_;
  absl::flat_hash_map<AccountId, audit::Wide> locked_;  // by payer
  absl::flat_hash_map<AccountId, std::uint32_t> live_;  // by beneficiary
  absl::flat_hash_map<GroupId, GroupRow> group_counts_;
  absl::flat_hash_map<PlanId, std::uint64_t> plan_counts_;
  std::size_t escrow_count_ = 0;
  AccountId last_account_;
  EscrowId last_escrow_;

  mutable std::uint64_t page_ = ~std::uint64_t{0};  // the first number of the page that is read
  mutable std::unordered_map<std::uint64_t, Escrow> page_rows_;
  mutable std::optional<Error> failure_;
};

/// What a bucket can hold, where the sum of what is in the tables goes beyond it.
[[nodiscard]] Amount clamped(audit::Wide sum);

}  // namespace holdfast::postgres
