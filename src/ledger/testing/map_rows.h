// Rows in ordered maps, with undo by copying everything: slow and plain, so that tests of the core need no
// store.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ledger/rows.h"

namespace holdfast::testing {

class MapRows : public WorkingRows {
 public:
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

  void apply(const Entry& entry, Seq seq, Timestamp at) override;
  void begin() override;
  void commit() override;
  void rollback() override;

  /// From now on every past command that is asked for is this error, as from a disk that cannot be read.
  void break_past_commands(Error error) { past_error_ = std::move(error); }

  // For tests to look at everything.
  struct Account {
    std::string name;
    AccountRow row;
  };
  struct Escrow {
    std::string key;
    EscrowRow row;
    Dates dates;
  };
  struct Group {
    std::string name;
    GroupRow row;
  };
  struct Data {
    std::map<AccountId, Account> accounts;
    std::map<EscrowId, Escrow> escrows;
    std::map<GroupId, Group> groups;
    std::map<PlanId, PlanRow> plans;
    std::map<std::string, PastCommand, std::less<>> keys;
  };
  [[nodiscard]] const Data& data() const { return data_; }
  /// How many begin calls wait for their end.
  [[nodiscard]] std::size_t open_marks() const { return saved_.size(); }

 private:
  friend struct Effect;
  Data data_;
  std::vector<Data> saved_;
  std::optional<Error> past_error_;
};

}  // namespace holdfast::testing
