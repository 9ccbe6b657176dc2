// What rows were before they were changed, while a begin() of the state is open: one typed record a change,
// taken back last in, first out.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/hash.h"
#include "journal/state_tables.h"

namespace holdfast::journal {

struct AccountBefore {
  AccountId id;
  AccountRow row;
};
struct AccountMade {
  AccountId id;
  AccountId last;  // the highest number before
};
struct EscrowBefore {
  EscrowId id;
  EscrowRow row;
};
struct EscrowMade {
  EscrowId id;
  EscrowId last;
  // the ends of the three lists before
  EscrowNumber group_end = 0;
  EscrowNumber payer_end = 0;
  EscrowNumber beneficiary_end = 0;
};
struct DateBefore {
  EscrowId id;
  PackedDate date = 0;
};
struct DueChanged {
  DueKey key;
  bool added = false;
};
struct GroupBefore {
  GroupId id;
  GroupRow row;
};
struct GroupMade {
  GroupId id;
  GroupId last;
};
struct PlanLiveBefore {
  PlanId id;
  std::uint64_t live = 0;
};
struct PlanMade {
  PlanId id;
  PlanId last;
  PlanId latest;  // of its name, before; none: it was the first
};
struct KeyBefore {
  Hash128 hash;
  std::uint64_t value = 0;  // 0: it was not there
};
struct SumBefore {
  Currency currency;
  CurrencySums::Place place = CurrencySums::Place::available;
  Amount sum;
};

using UndoRecord = std::variant<AccountBefore, AccountMade, EscrowBefore, EscrowMade, DateBefore, DueChanged,
                                GroupBefore, GroupMade, PlanLiveBefore, PlanMade, KeyBefore, SumBefore>;

class UndoLog {
 public:
  [[nodiscard]] bool recording() const { return !marks_.empty(); }
  /// \pre recording()
  void record(const UndoRecord& record) { records_.push_back(record); }

  void begin() { marks_.push_back(records_.size()); }
  void commit();
  /// Takes back everything since the matching begin.
  void rollback(Tables& tables);

  [[nodiscard]] std::uint64_t memory_bytes() const { return records_.capacity() * sizeof(UndoRecord); }

 private:
  std::vector<std::size_t> marks_;
  std::vector<UndoRecord> records_;
};

}  // namespace holdfast::journal
