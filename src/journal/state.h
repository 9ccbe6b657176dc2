// The journal store's memory: every row in flat chunked arrays, the indexes over them, and undo. Implements
// WorkingRows.
//
// Not thread-safe: the engine's decide side owns it. Memory a row: docs/memory.md. Nothing here reallocates
// or rehashes a whole ledger at once: arrays grow by chunks, the key index by shards.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "holdfast/queries.h"
#include "ledger/rows.h"

namespace holdfast::journal {

/// Where the command of a key is to be found: the hold that made an escrow, or an event.
struct KeyPlace {
  EscrowId escrow;  // given for keys of holds
  Seq seq;          // given for all others; the latest event of a chunked command
};

/// Reads a past command for State::past_command; the engine supplies it.
using PastReader = std::function<Result<PastCommand>(KeyPlace, std::string_view key)>;

enum class ListKind : std::uint8_t { all, group, payer, beneficiary };

class State final : public WorkingRows {
 public:
  explicit State(const HashSecret& secret);
  ~State() override;

  void set_past_reader(PastReader reader);

  // Rows
  [[nodiscard]] std::optional<AccountId> find_account(std::string_view name) const override;
  [[nodiscard]] const AccountRow* account(AccountId id) const override;
  [[nodiscard]] std::string_view account_name(AccountId id) const override;
  [[nodiscard]] std::optional<EscrowId> find_escrow(std::string_view key) const override;
  [[nodiscard]] const EscrowRow* escrow(EscrowId id) const override;
  void escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const override;
  [[nodiscard]] Dates dates(EscrowId id) const override;
  [[nodiscard]] std::optional<GroupId> find_group(std::string_view name) const override;
  [[nodiscard]] const GroupRow* group(GroupId id) const override;
  void group_escrows(GroupId id, EscrowId after, EscrowId up_to, std::size_t limit,
                     std::vector<EscrowId>& out) const override;
  [[nodiscard]] std::optional<PlanId> find_latest_plan(std::string_view name) const override;
  [[nodiscard]] const PlanRow* plan(PlanId id) const override;
  [[nodiscard]] bool plan_pays_into(AccountId id) const override;
  [[nodiscard]] Amount currency_total(Currency currency) const override;
  [[nodiscard]] bool key_used(std::string_view key) const override;
  [[nodiscard]] Result<PastCommand> past_command(std::string_view key) const override;
  [[nodiscard]] AccountId next_account_id(std::size_t ahead) const override;
  [[nodiscard]] EscrowId next_escrow_id() const override;
  [[nodiscard]] GroupId next_group_id() const override;
  [[nodiscard]] PlanId next_plan_id() const override;

  // WorkingRows
  void apply(const Entry& entry, Seq seq, Timestamp at) override;
  void begin() override;
  void commit() override;
  void rollback() override;

  /// The last event whose effects are all in: set by the engine after each recorded event, and by replay.
  [[nodiscard]] Seq applied() const;
  [[nodiscard]] Timestamp last_at() const;
  void set_applied(Seq seq, Timestamp at);

  /// Recovery: applies an event of the journal, but only to those chunks whose snapshot is older than it.
  /// An event that does not fit the state (an unknown account, a bucket below zero, an escrow held twice) is
  /// `corrupt`. Ids need not grow from event to event: another store may have drawn them before it committed.
  [[nodiscard]] Result<void> replay(const Event& event);

  // Queries
  [[nodiscard]] std::string_view group_name(GroupId id) const;
  [[nodiscard]] EscrowId last_escrow() const;
  /// Escrows of a list in id order with id > after, at most `limit`; of those looked at (at most `work`), the
  /// ones with the status. `next` is where to go on, none at the end. `owner` is an account's or group's
  /// number, unused for `all`.
  struct ListPage {
    std::vector<EscrowId> ids;
    std::optional<EscrowId> next;
  };
  [[nodiscard]] ListPage list(ListKind kind, std::uint32_t owner, std::optional<EscrowStatus> status,
                              EscrowId after, std::size_t limit, std::size_t work) const;
  /// The sums over a group's escrows, by currency code: kept with every change, so that nothing is added up
  /// here. `overflow` where they do not fit an Amount.
  [[nodiscard]] Result<std::vector<GroupTotal>> group_totals(GroupId id) const;
  /// Names in ascending order, > after.
  [[nodiscard]] std::vector<AccountId> accounts_by_name(std::string_view after, std::size_t limit) const;
  [[nodiscard]] std::vector<GroupId> groups_by_name(std::string_view after, std::size_t limit) const;
  /// Live escrows, not frozen, with a date <= until, by date; frozen ones are left out.
  [[nodiscard]] std::vector<DueEscrow> due(Timestamp until, std::size_t limit) const;
  [[nodiscard]] std::vector<TrialBalance> trial_balance() const;
  [[nodiscard]] std::uint64_t memory_bytes() const;

  // Snapshots: the state as chunks of bounded size, each saved on its own (src/journal/snapshot.h).
  /// Fixed while one snapshot is made: chunks that appear later are rebuilt from the journal.
  [[nodiscard]] std::size_t chunk_count() const;
  /// Appends the chunk's bytes as of now.
  void save_chunk(std::size_t index, Bytes& out) const;
  /// Puts a saved chunk in place; events up to and including `stamp` are in it. `corrupt` where it does not
  /// decode.
  [[nodiscard]] Result<void> load_chunk(std::span<const std::byte> bytes, Seq stamp);
  /// After all chunks and the journal's tail: builds what is not kept (lists, name indexes, due dates,
  /// totals).
  /// \param seq  the last event of the journal
  [[nodiscard]] Result<void> finish_load(Seq seq, Timestamp at);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::journal
