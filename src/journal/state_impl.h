// What a State holds: its tables, its undo log, and scratch space.
#pragma once

#include "journal/state.h"
#include "journal/state_effects.h"
#include "journal/state_tables.h"
#include "journal/undo_log.h"

namespace holdfast::journal {

struct State::Impl {
  explicit Impl(const HashSecret& secret) : tables(secret) {}

  Tables tables;
  UndoLog undo;
  std::vector<FeeSums> sums;
  PastReader past_reader;
};

/// The rows that events make, as they begin.
void fill_escrow(EscrowRow& row, const Held& body, Seq seq);
void fill_plan(PlanRow& row, const FeePlanDefined& body);

}  // namespace holdfast::journal
