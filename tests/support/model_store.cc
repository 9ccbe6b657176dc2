#include "tests/support/model_store.h"

#include <fmt/format.h>

#include "service/testing/shop.h"

namespace holdfast::testing {

using Kind = sim::Block::Step::Kind;

namespace {

/// Its failure is in the block's event.
bool is_savepoint(const Command& command) {
  const auto* atomic = std::get_if<Atomic>(&command.operation);
  return atomic != nullptr && atomic->continue_on_error;
}

}  // namespace

Result<void> run_block(const sim::Block& block, TransactionPort& port,
                       std::vector<Result<CommandResult>>& results) {
  const auto given_up = fail(ErrorCode::aborted, "the caller's own code gave up");
  for (const auto& step : block.steps) {
    if (step.kind == Kind::savepoint) port.savepoint();
    if (step.kind == Kind::release_savepoint) port.release_savepoint();
    if (step.kind == Kind::rollback_savepoint) port.rollback_savepoint(given_up.error());
    if (step.kind == Kind::execute) results.push_back(port.execute(step.command));
  }
  if (!block.commits) return given_up;
  return {};
}

std::string expect_block(sim::Model& model, const sim::Block& block,
                         const std::vector<Result<CommandResult>>& results, sim::Outcome& whole,
                         Rejections rejections) {
  if (auto early = model.begin_block(block.options)) {
    whole = *early;
    return {};
  }
  std::size_t next = 0;
  std::string wrong;
  for (const auto& step : block.steps) {
    if (step.kind == Kind::savepoint) model.block_savepoint();
    if (step.kind == Kind::release_savepoint) model.block_end_savepoint(std::nullopt);
    if (step.kind == Kind::rollback_savepoint) model.block_end_savepoint(ErrorCode::aborted);
    if (step.kind != Kind::execute) continue;
    if (next == results.size()) return "the block did not run to its end";
    const auto& result = results[next++];
    if (!result && rejections == Rejections::left_out && !is_savepoint(step.command)) continue;
    const auto expected = model.block_step(step.command, result ? sim::given_ids(*result) : sim::GivenIds{});
    auto different = result ? sim::difference(expected, *result)
                            : sim::difference(expected, Result<Answer>(std::unexpected(result.error())));
    if (wrong.empty() && !different.empty()) {
      wrong = fmt::format("in a block: {}: {}", sim::describe(step.command), different);
    }
  }
  whole = model.end_block(block.commits, block.options);
  return wrong;
}

Result<Answer> answer_of(const Result<StoreAnswer>& reply) {
  if (!reply) return std::unexpected(reply.error());
  auto answer = reply->answer;
  if (answer.event_id && !answer.seq) answer.seq = Seq(*answer.event_id);
  return answer;
}

std::string differing_row(Store& store, const sim::ModelBook& book) {
  for (const auto& [name, expected] : book.accounts) {
    const auto row = must(store.account(name));
    if (row.available.minor() != static_cast<std::int64_t>(expected.available) ||
        row.held.minor() != static_cast<std::int64_t>(expected.held) || row.open != expected.open ||
        row.kind != expected.kind || row.currency != expected.currency) {
      return fmt::format("account {}: {}+{}", name, row.available.minor(), row.held.minor());
    }
  }
  for (const auto& [id, expected] : book.escrows) {
    const auto row = must(store.escrow({EscrowId(id), {}}));
    const bool same = row.key == expected.key && row.payer == expected.payer && row.group == expected.group &&
                      row.fee_plan == expected.plan && row.fee_plan_version == expected.plan_version &&
                      row.amount.minor() == static_cast<std::int64_t>(expected.amount) &&
                      row.released.minor() == static_cast<std::int64_t>(expected.released) &&
                      row.refunded.minor() == static_cast<std::int64_t>(expected.refunded) &&
                      row.commission.minor() == static_cast<std::int64_t>(expected.commission) &&
                      row.processor_fee.minor() == static_cast<std::int64_t>(expected.processor_fee) &&
                      (row.status == EscrowStatus::frozen) == expected.frozen &&
                      row.release_at == expected.release_at && row.refund_at == expected.refund_at;
    if (!same) return fmt::format("escrow {} ({})", id, row.key);
  }
  for (const auto& [name, expected_open] : book.groups) {
    const auto row = must(store.group(name));
    if (row.open != expected_open) return "group " + name;
  }
  std::size_t versions = 0;
  for (const auto& [name, all] : book.plans) versions += all.size();
  const auto plans = must(store.fee_plans());
  return plans.size() == versions ? "" : fmt::format("{} fee plans", plans.size());
}

}  // namespace holdfast::testing
