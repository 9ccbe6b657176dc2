// The tables behind State and what may be done to them without knowing any event: the rows, the lists through
// them, the indexes over them. State's parts (apply, replay, undo, chunks, queries) share this.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <compare>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "journal/chunk_stamps.h"
#include "journal/chunked_array.h"
#include "journal/currency_sums.h"
#include "journal/group_sums.h"
#include "journal/key_index.h"
#include "journal/name_table.h"
#include "ledger/rows.h"

namespace holdfast::journal {

/// Escrow ids of this store fit in 32 bits: the lists take 4 bytes a link.
using EscrowNumber = std::uint32_t;
inline constexpr std::uint64_t kMaxEscrow = 0xffff'fffe;

/// Escrows of an account, first and last of each list; 0: none.
struct AccountLists {
  EscrowNumber first_paid = 0;
  EscrowNumber last_paid = 0;
  EscrowNumber first_received = 0;
  EscrowNumber last_received = 0;
};

struct GroupSlot {
  GroupRow row;
  EscrowNumber first = 0;
  EscrowNumber last = 0;
  /// No escrow before this one has anything locked; 0: nothing is known. Only an optimisation.
  mutable EscrowNumber first_live = 0;
  /// Of the first currency that came; the others are in Tables::more_sums.
  GroupSums sums;
};

/// Microseconds, doubled; odd where it is a refund date.
using PackedDate = std::int64_t;
[[nodiscard]] PackedDate pack(const Dates& dates);
[[nodiscard]] Dates unpack(PackedDate date);
/// Dates that commands can give (years 1970 to 9999) pack without loss.
inline constexpr std::int64_t kMaxDateMicros = 253'402'300'800'000'000;

struct DueKey {
  std::int64_t micros = 0;
  EscrowNumber escrow = 0;

  friend auto operator<=>(const DueKey&, const DueKey&) = default;
};

struct Tables {
  explicit Tables(const HashSecret& hash_secret)
      : secret(hash_secret), account_names(secret), group_names(secret) {}

  HashSecret secret;

  ChunkedArray<AccountRow, 18> accounts;  // 6 MiB a chunk; no currency: no account
  ChunkedArray<AccountLists, 17> account_lists;
  NameTable account_names;
  AccountId last_account;

  ChunkedArray<EscrowRow, 15> escrows;  // 2 MiB a chunk; amount 0: no escrow
  ChunkedArray<EscrowNumber, 19> next_of_group;
  ChunkedArray<EscrowNumber, 19> next_of_payer;
  ChunkedArray<EscrowNumber, 19> next_of_beneficiary;
  ChunkedArray<PackedDate, 15> dates;  // only where a dated escrow is
  absl::btree_set<DueKey> due;         // with something locked, not frozen, dated
  EscrowId last_escrow;

  ChunkedArray<GroupSlot, 14> groups;                                  // 2.5 MiB a chunk
  absl::btree_map<std::pair<GroupId, Currency>, GroupSums> more_sums;  // few groups have two currencies
  NameTable group_names;
  GroupId last_group;

  std::vector<std::unique_ptr<PlanRow>> plans;  // by number; few
  std::map<std::string, PlanId, std::less<>> latest_plans;
  PlanId last_plan;

  KeyIndex keys{12};
  std::vector<CurrencySums> currency_sums;  // by Currency::index()

  ChunkStamps chunks;
  Seq applied;
  Timestamp last_at;

  [[nodiscard]] AccountRow* account(AccountId id) const {
    auto* row = accounts.find(id.value());
    return row != nullptr && row->currency ? row : nullptr;
  }
  [[nodiscard]] EscrowRow* escrow(EscrowId id) const {
    auto* row = escrows.find(id.value());
    return row != nullptr && row->amount != Amount() ? row : nullptr;
  }
  [[nodiscard]] GroupSlot* group(GroupId id) const {
    return group_names.exists(id.value()) ? groups.find(id.value()) : nullptr;
  }
  [[nodiscard]] PlanRow* plan(PlanId id) const {
    return id.value() < plans.size() ? plans[id.value()].get() : nullptr;
  }
  [[nodiscard]] Hash128 hash(std::string_view key) const { return keyed_hash(key, secret); }

  /// The row of a new account, zero elsewhere. \pre the number and the name are free
  AccountRow& make_account(AccountId id);
  GroupSlot& make_group(GroupId id);
  PlanRow& make_plan(PlanId id);
  EscrowRow& make_escrow(EscrowId id);

  /// Puts an escrow at the end of its three lists, and takes it away there.
  void link(EscrowNumber id, const EscrowRow& row);
  void unlink(const EscrowRow& row, EscrowNumber group_end, EscrowNumber payer_end,
              EscrowNumber beneficiary_end);

  // The sums of its group, where it has one: a new escrow, one that is gone again, and one that changed.
  void count_in(const EscrowRow& row);
  void count_out(const EscrowRow& row);
  void recount(const EscrowRow& before, const EscrowRow& after);

  [[nodiscard]] std::uint64_t memory_bytes() const;

 private:
  /// \pre the group is there, and the plan
  [[nodiscard]] GroupSums& sums_of(const EscrowRow& row);
};

}  // namespace holdfast::journal
