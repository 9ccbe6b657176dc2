// A whole store beside the naive model: one block in both, and whether the rows are the same.
#pragma once

#include <string>
#include <vector>

#include "ledger/store.h"
#include "sim/model.h"
#include "sim/workload.h"

namespace holdfast::testing {

/// The caller's own code of a block. \param results  of its commands, in order
[[nodiscard]] Result<void> run_block(const sim::Block& block, TransactionPort& port,
                                     std::vector<Result<CommandResult>>& results);

/// What the store said to a block's commands.
struct BlockRun {
  sim::Block block;
  std::vector<Result<CommandResult>> results;
};

/// Whether the model is asked about commands of a block that were rejected. What others did between such a
/// command and the block's commit stands before the block: it need not be rejected there.
enum class Rejections : std::uint8_t { compared, left_out };

/// The same on the model, given what the store said to each command.
/// \param whole  what the block must be answered
/// \return empty where the model expects each result; else the first that is different
[[nodiscard]] std::string expect_block(sim::Model& model, const sim::Block& block,
                                       const std::vector<Result<CommandResult>>& results, sim::Outcome& whole,
                                       Rejections rejections = Rejections::compared);

/// For the model: an event that is not sealed yet has no seq; any will do.
[[nodiscard]] Result<Answer> answer_of(const Result<StoreAnswer>& reply);

/// Empty where the store's rows are the model's; else the first that is not.
[[nodiscard]] std::string differing_row(Store& store, const sim::ModelBook& book);

}  // namespace holdfast::testing
