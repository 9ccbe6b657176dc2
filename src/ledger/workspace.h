// Memory that one decision leaves to the next. Nothing in it carries meaning from one to the other.
#pragma once

#include <vector>

#include "ledger/execute.h"
#include "ledger/id_table.h"

namespace holdfast {

/// A fee plan that a batch met, and its place in Released::plans (kUnused until an item pays under it).
struct MetPlan {
  static constexpr std::uint32_t kUnused = 0xFFFF'FFFF;

  const PlanRow* row = nullptr;
  std::uint32_t plan_use = kUnused;
};

struct DecideMemory {
  std::vector<EscrowId> ids;  // of the batch, in its order; 0 where a key names none
  std::vector<const EscrowRow*> rows;
  IdTable seen;      // which of them were listed before
  IdTable plan_ids;  // plan id -> index in plans
  std::vector<MetPlan> plans;
  Released released;  // bodies whose vectors are used again
  Refunded refunded;

  /// Takes a body's vectors back before it is replaced.
  void reclaim(Body& body);
};

struct Workspace::Memory {
  DecideMemory decide;
  Entry entry;
};

}  // namespace holdfast
