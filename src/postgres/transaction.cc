#include "postgres/transaction.h"

#include <algorithm>

#include "base/planted_bugs.h"
#include "ledger/event_codec.h"
#include "ledger/footprint.h"
#include "postgres/replays.h"

namespace holdfast::postgres {
namespace {

bool has_replay(const Entry& entry) {
  bool has = false;
  for_each_replay(entry, [&](const Replayed&) { has = true; });
  return has;
}

/// Commands that can take effect although something was not there, or failed.
bool may_record_a_failure(const Command& command) {
  if (const auto* release = std::get_if<Release>(&command.operation)) {
    return release->mode == BatchMode::skip || !release->group.empty();
  }
  if (const auto* refund = std::get_if<Refund>(&command.operation)) {
    return refund->mode == BatchMode::skip || !refund->group.empty();
  }
  return std::holds_alternative<ReopenGroup>(command.operation) ||
         std::holds_alternative<Atomic>(command.operation);
}

}  // namespace

std::optional<PlanRow> PlanCache::find(PlanId id) const {
  const std::scoped_lock hold(mutex_);
  const auto at = rows_.find(id);
  return at == rows_.end() ? std::nullopt : std::optional(at->second);
}

void PlanCache::put(PlanId id, const PlanRow& row) {
  const std::scoped_lock hold(mutex_);
  rows_.try_emplace(id, row);
}

std::expected<Outcome, SqlError> Attempt::run(std::span<const Command* const> commands,
                                              std::chrono::milliseconds lock_timeout) {
  begin(lock_timeout);
  if (auto loaded = load(commands); !loaded) return std::unexpected(loaded.error());
  decide(commands);
  if (auto settled = settle_order(); !settled) return std::unexpected(settled.error());
  trace_.commit_sent = true;
  if (auto written = write_and("commit"); !written) return std::unexpected(written.error());
  return take_outcome();
}

std::expected<Outcome, SqlError> Attempt::run_inside(std::span<const Command* const> commands) {
  if (auto loaded = load(commands); !loaded) return std::unexpected(loaded.error());
  decide(commands);
  if (auto settled = settle_order(); !settled) return std::unexpected(settled.error());
  if (auto written = write_and({}); !written) return std::unexpected(written.error());
  return take_outcome();
}

std::expected<void, SqlError> Attempt::write_and(std::string_view last) {
  write(pipeline_);
  if (!last.empty()) pipeline_.add(last);
  return pipeline_.empty() ? std::expected<void, SqlError>() : pipeline_.run(session_);
}

void Attempt::begin(std::chrono::milliseconds lock_timeout) {
  lock_timeout_ = lock_timeout;
  pipeline_.add("begin transaction isolation level read committed");
  pipeline_.add(kTransactionSettings, {std::to_string(lock_timeout.count())});
  if (planted(PlantedBug::commit_not_awaited)) pipeline_.add("set local synchronous_commit = off");
}

void Attempt::decide(std::span<const Command* const> commands) {
  outcome_.answers.reserve(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) outcome_.answers.push_back(decide_one(*commands[i], i));
  outcome_.events = recorded_.size();
}

std::expected<void, SqlError> Attempt::settle_order() {
  if (resting_ == nullptr) return {};
  if (outcome_.answers.size() > 1) return std::unexpected(each_alone());
  const auto number = number_after_others();
  if (!number) return std::unexpected(number.error());
  renumber(recorded_.front(), *resting_, *number);
  outcome_.answers.front()->answer.event_id = *number;
  return {};
}

Result<StoreAnswer> Attempt::decide_one(const Command& command, std::size_t index) {
  const auto event = event_ids_[index];
  auto decision = execute(command, set_, {Seq(event), at_}, workspace_);
  if (!decision) return std::unexpected(std::move(decision.error()));
  if (const auto* accepted = std::get_if<Accepted>(&*decision)) {
    record(event, *accepted->entry);
    if (may_record_a_failure(command) && rests_on_others(*accepted->entry, footprint(command))) {
      resting_ = accepted->entry;
    }
    set_.note_event(event, at_, *accepted->entry);
  }
  return answer_to(*decision, command.options, event);
}

StoreAnswer Attempt::answer_to(Decision& decision, const Options& options, std::uint64_t event) {
  StoreAnswer answer;
  if (const auto* first = std::get_if<FirstAnswer>(&decision)) {
    const auto& past = first->past;
    const auto sealed = sealed_.find(options.key);
    answer.answer = {past.event_id, sealed == sealed_.end() ? std::nullopt : std::optional(sealed->second),
                     past.at, true, result_of(past.entry)};
  } else if (auto* nothing = std::get_if<Unrecorded>(&decision)) {
    answer.answer = {{}, {}, at_, false, std::move(nothing->result)};
  } else {
    const auto& entry = *std::get<Accepted>(decision).entry;
    const auto* progress = progress_of(entry);
    answer.more = progress != nullptr && !progress->last;
    answer.answer = {event, {}, at_, false, result_of(entry)};
  }
  return answer;
}

void Attempt::record(std::uint64_t event, const Entry& entry) {
  Recorded recorded{.event = event,
                    .op = std::string(op_name(entry.body)),
                    .actor = entry.actor,
                    .reason = entry.reason,
                    .reference = entry.reference,
                    .replays = has_replay(entry),
                    .entry = {}};
  encode_entry(entry, recorded.entry);
  recorded_.push_back(std::move(recorded));
}

std::expected<void, SqlError> Attempt::commit_block(const Entry* entry) {
  if (entry != nullptr) {
    // After the block's last lock and read.
    const auto number = rests_on_others(*entry, unlocked_) ? number_after_others() : draw_event();
    if (!number) return std::unexpected(number.error());
    record(event_ids_.front(), *entry);
    renumber(recorded_.front(), *entry, *number);
  }
  trace_.commit_sent = true;
  return write_and("commit");
}

}  // namespace holdfast::postgres
