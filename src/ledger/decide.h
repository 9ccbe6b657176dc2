// The pure core: what a command leads to, given the rows it may read. No I/O, no clock, no log.
#pragma once

#include "ledger/event.h"
#include "ledger/rows.h"

namespace holdfast {

struct DecideMemory;  // scratch space, src/ledger/workspace.h

/// Decides any operation but `atomic` (whose parts are decided one by one, each on the rows that the ones
/// before left).
/// \pre the command passed `validate`
/// \param into  its body is replaced; the other fields are the caller's matter
/// \param resume  the progress of a chunked command that goes on, else nullptr
[[nodiscard]] Result<void> decide(const Operation& operation, const Rows& rows, const ChunkProgress* resume,
                                  DecideMemory& memory, Body& into);

}  // namespace holdfast
