// Rows that note every access outside a command's footprint: how the tests hold `footprint` to what `decide`
// really reads. What a footprint leads to (an escrow's accounts, group and plan, a group's members, a
// currency's own external account) and what the command itself makes are inside. What an entry debits, closes
// and makes is held to the footprint too.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "ledger/footprint.h"
#include "ledger/testing/map_rows.h"

namespace holdfast::testing {

class GuardedRows final : public WorkingRows {
 public:
  GuardedRows(MapRows& rows, const Command& command);

  /// What was touched and should not have been: `account alice`, `escrow 7`, ... Empty is good.
  [[nodiscard]] const std::vector<std::string>& strays() const { return strays_; }

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
  AccountId next_account_id(std::size_t ahead) const override { return rows_.next_account_id(ahead); }
  EscrowId next_escrow_id() const override { return rows_.next_escrow_id(); }
  GroupId next_group_id() const override { return rows_.next_group_id(); }
  PlanId next_plan_id() const override { return rows_.next_plan_id(); }
  void apply(const Entry& entry, Seq seq, Timestamp at) override;
  void begin() override { rows_.begin(); }
  void commit() override { rows_.commit(); }
  void rollback() override { rows_.rollback(); }

 private:
  void check(bool inside, std::string what) const;
  void check_account(AccountId id) const;
  void check_escrow(EscrowId id) const;
  void check_effect(const Body& body) const;
  void check_new_ids() const;
  void reach_escrow(EscrowId id);
  void reach_plan(PlanId id);

  MapRows& rows_;
  std::set<std::string, std::less<>> debited_;
  std::set<std::string, std::less<>> closed_;
  NewIds new_ids_;
  std::set<std::string, std::less<>> account_names_;
  std::set<std::string, std::less<>> escrow_keys_;
  std::set<std::string, std::less<>> group_names_;
  std::set<std::string, std::less<>> member_groups_;
  std::set<std::string, std::less<>> plan_names_;
  std::set<std::string, std::less<>> keys_;
  std::set<Currency> totals_;
  std::set<AccountId> accounts_;  // reached by number
  std::set<EscrowId> escrows_;
  std::set<GroupId> groups_;
  std::set<PlanId> plans_;
  // What was there before: what came since is the command's own.
  AccountId first_new_account_;
  EscrowId first_new_escrow_;
  GroupId first_new_group_;
  PlanId first_new_plan_;
  mutable std::vector<std::string> strays_;
};

}  // namespace holdfast::testing
