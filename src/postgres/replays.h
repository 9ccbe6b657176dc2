// Replays inside an event. In the tables they name an event by its id; in the chain by its seq.
#pragma once

#include "ledger/event.h"

namespace holdfast::postgres {

/// Calls `visit(Replayed&)` for each replay inside the entry.
template <class EntryOf, class Visit>
void for_each_replay(EntryOf& entry, const Visit& visit) {
  if (auto* replayed = std::get_if<Replayed>(&entry.body)) {
    visit(*replayed);
  } else if (auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
    for (auto& inner : atomic->entries) {
      if (inner) for_each_replay(*inner, visit);
    }
  }
}

}  // namespace holdfast::postgres
