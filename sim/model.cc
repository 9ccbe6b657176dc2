#include "sim/model.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "sim/model_step.h"

namespace holdfast::sim {
namespace {

/// A dry run answers without ids.
void take_ids(Outcome& outcome) {
  if (auto* hold = std::get_if<HoldResult>(&outcome.result)) hold->escrow.reset();
  for (auto& part : outcome.parts) take_ids(part);
}

}  // namespace

Outcome Model::execute(const Command& command, const GivenIds& ids) {
  if (auto wrong = form_errors(command, true); !wrong.empty()) {
    Outcome outcome;
    outcome.codes = std::move(wrong);
    return outcome;
  }
  if (command.options.dry_run) {
    auto before = book_;
    auto outcome = keyed(command, {}, ids, true);
    while (outcome.ok() && outcome.more) outcome = keyed(command, {}, ids, true);
    book_ = std::move(before);
    outcome.recorded = outcome.more = false;
    if (!outcome.replayed) take_ids(outcome);
    return outcome;
  }
  auto outcome = keyed(command, {}, ids, true);
  if (outcome.recorded) ++book_.seq;
  return outcome;
}

Outcome Model::keyed(const Command& command, const Path& path, const GivenIds& ids, bool top) {
  const auto& key = command.options.key;
  std::optional<ModelChunks> progress;
  if (const auto past = book_.keys.find(key); !key.empty() && past != book_.keys.end()) {
    if (past->second->request != request_fields(command)) {
      Outcome outcome;
      outcome.codes = {ErrorCode::idempotency_conflict};
      outcome.path = path;
      return outcome;
    }
    if (!past->second->chunks) {
      auto outcome = past->second->first;
      outcome.replayed = top;
      outcome.recorded = false;
      return outcome;
    }
    progress = past->second->chunks;
  }
  if (const auto* nested = std::get_if<Atomic>(&command.operation)) {
    auto outcome = atomic(*nested, path, ids);
    if (!outcome.ok()) return outcome;
    outcome.recorded = outcome.recorded || !key.empty();
    if (!key.empty()) {
      book_.keys[key] = std::make_shared<ModelKey>(ModelKey{request_fields(command), outcome, std::nullopt});
    }
    return outcome;
  }
  ModelStep step(book_, command, path, ids, next_unknown_id_);
  auto outcome = step.run(std::move(progress));
  if (!outcome.ok()) {
    outcome.path = path;
    return outcome;
  }
  outcome.recorded = step.changed() || !key.empty();
  if (!key.empty()) {
    auto remembered = std::make_shared<ModelKey>(ModelKey{request_fields(command), outcome, step.progress()});
    remembered->first.more = false;
    book_.keys[key] = std::move(remembered);
  }
  return outcome;
}

Outcome Model::atomic(const Atomic& atomic, const Path& path, const GivenIds& ids) {
  auto before = book_;
  Outcome outcome;
  outcome.is_atomic = true;
  for (std::size_t i = 0; i < atomic.commands.size(); ++i) {
    auto inner_path = path;
    inner_path.push_back(static_cast<std::uint32_t>(i));
    const auto& inner = atomic.commands[i];
    const auto* nested = std::get_if<Atomic>(&inner.operation);
    auto part = keyed(inner, inner_path, ids, false);
    const bool savepoint = nested != nullptr && nested->continue_on_error;
    if (!part.ok() && !savepoint) {
      book_ = std::move(before);
      return part;
    }
    outcome.recorded = outcome.recorded || (part.ok() && part.recorded);
    outcome.parts.push_back(std::move(part));
  }
  return outcome;
}

std::optional<Outcome> Model::begin_block(const Options& options) {
  if (const auto past = book_.keys.find(options.key); !options.key.empty() && past != book_.keys.end()) {
    Outcome outcome;
    if (past->second->request != request_fields(Command{Atomic{}, options})) {
      outcome.codes = {ErrorCode::idempotency_conflict};
    } else {
      outcome = past->second->first;
      outcome.replayed = true;
      outcome.recorded = false;
    }
    return outcome;
  }
  saved_.push_back(book_);
  frames_.emplace_back();
  return std::nullopt;
}

Outcome Model::block_step(const Command& command, const GivenIds& ids) {
  Outcome outcome;
  if (outcome.codes = form_errors(command, false); !outcome.ok()) return outcome;
  outcome = keyed(command, {}, ids, false);
  const auto* nested = std::get_if<Atomic>(&command.operation);
  if (outcome.ok() || (nested != nullptr && nested->continue_on_error)) frames_.back().push_back(outcome);
  return outcome;
}

void Model::block_savepoint() {
  saved_.push_back(book_);
  frames_.emplace_back();
}

void Model::block_end_savepoint(std::optional<ErrorCode> rolled_back) {
  HOLDFAST_ASSERT(saved_.size() >= 2, "a savepoint must be open to end");
  Outcome savepoint;
  savepoint.is_atomic = true;
  savepoint.parts = std::move(frames_.back());
  for (const auto& part : savepoint.parts)
    savepoint.recorded = savepoint.recorded || (part.ok() && part.recorded);
  frames_.pop_back();
  if (rolled_back) {
    savepoint = {};
    savepoint.codes = {*rolled_back};
    book_ = std::move(saved_.back());
  }
  saved_.pop_back();
  if (rolled_back || !savepoint.parts.empty()) frames_.back().push_back(std::move(savepoint));
}

Outcome Model::end_block(bool keep, const Options& options) {
  HOLDFAST_ASSERT(saved_.size() == 1, "savepoints end before their block");
  Outcome outcome;
  outcome.is_atomic = true;
  outcome.parts = std::move(frames_.back());
  frames_.pop_back();
  outcome.recorded = keep && !options.key.empty();
  for (const auto& part : outcome.parts) {
    outcome.recorded = outcome.recorded || (keep && part.ok() && part.recorded);
  }
  if (!keep) {
    book_ = std::move(saved_.back());
    outcome.codes = {ErrorCode::aborted};
  } else if (!options.key.empty()) {
    auto request = request_fields(Command{Atomic{}, options});
    book_.keys[options.key] = std::make_shared<ModelKey>(ModelKey{std::move(request), outcome, std::nullopt});
  }
  saved_.pop_back();
  if (outcome.recorded) ++book_.seq;
  return outcome;
}

std::string Model::broken_law() const {
  std::map<Currency, Wide> sums;
  std::map<std::string, Wide> held;
  for (const auto& [name, account] : book_.accounts) {
    sums[account.currency] += account.available + account.held;
    const bool may_be_negative = account.kind == AccountKind::external;
    if (!may_be_negative && (account.available < 0 || account.held < 0)) return name + " is below zero";
  }
  for (const auto& [currency, sum] : sums) {
    if (sum != 0) return fmt::format("{} does not sum to zero", currency.code());
  }
  for (const auto& [id, escrow] : book_.escrows) {
    if (escrow.locked() < 0 || escrow.released < 0 || escrow.refunded < 0) {
      return fmt::format("escrow {} is out of bounds", id);
    }
    if (escrow.commission + escrow.processor_fee > escrow.released) {
      return fmt::format("escrow {} has a negative net", id);
    }
    held[escrow.payer] += escrow.locked();
  }
  for (const auto& [name, account] : book_.accounts) {
    if (held[name] != account.held) return name + " does not hold what its escrows lock";
  }
  return {};
}

}  // namespace holdfast::sim
