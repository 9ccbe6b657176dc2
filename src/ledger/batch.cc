#include "ledger/batch.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "ledger/rejections.h"

namespace holdfast {
namespace {

constexpr std::size_t kShownItems = 100;
// Above every id there is; an id is below 2^63 in every store.
constexpr EscrowId kEveryEscrow{std::numeric_limits<std::int64_t>::max()};

void add_skip(ItemError item, Skips& into) {
  auto at = std::ranges::lower_bound(into.counts, item.reason, {}, &CodeCount::code);
  if (at == into.counts.end() || at->code != item.reason) at = into.counts.insert(at, {item.reason, 0});
  ++at->count;
  if (into.first.size() < kShownItems) into.first.push_back(std::move(item));
}

// `3 escrows of 150.00 EUR (commission 7.50, fee 4.35, net 138.15)`
std::string in_words(const Total* total, Currency currency) {
  if (total == nullptr) return fmt::format("nothing in {}", currency.code());
  auto words = fmt::format("{} escrow{} of {}", total->escrows, total->escrows == 1 ? "" : "s",
                           with_currency(total->amount, currency));
  if (total->net + total->commission + total->processor_fee == Amount()) return words;  // a refund
  return words.append(fmt::format(" (commission {}, fee {}, net {})", to_decimal(total->commission, currency),
                                  to_decimal(total->processor_fee, currency),
                                  to_decimal(total->net, currency)));
}

void select_list(const EscrowList& list, const Rows& rows, DecideMemory& memory) {
  auto& ids = memory.ids;
  ids.resize(list.size());
  if (list.all_ids()) {
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = list.id(i);
  } else {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto item = list[i];
      ids[i] = item.id ? item.id : rows.find_escrow(item.key).value_or(EscrowId());
    }
  }
  memory.seen.reset(ids.size());
}

// The next chunk of the set that was fixed when the command began.
void select_chunk(const BatchCommand& command, const Rows& rows, const ChunkProgress* resume,
                  std::optional<GroupId> group, DecideMemory& memory, BatchInfo& batch) {
  auto& progress = batch.chunk.emplace();
  if (resume != nullptr) {
    progress = *resume;
  } else {
    progress.limit = EscrowId(rows.next_escrow_id().value() - 1);
  }
  if (group) {
    // One more than is done now, to see whether this is the last chunk.
    rows.group_escrows(*group, progress.done_through, progress.limit, std::size_t{*command.chunk} + 1,
                       memory.ids);
  }
  progress.last = memory.ids.size() <= *command.chunk;
  if (!progress.last) memory.ids.pop_back();
  if (!memory.ids.empty()) progress.done_through = memory.ids.back();
}

Result<void> select_group(const BatchCommand& command, const Rows& rows, const ChunkProgress* resume,
                          DecideMemory& memory, BatchInfo& batch) {
  const auto group = rows.find_group(command.group);
  if (group) batch.group.group = *group;
  if (command.close && resume == nullptr) {
    if (!group) {
      batch.group = {rows.next_group_id(), command.group};
      batch.closes_group = true;
    } else {
      batch.closes_group = rows.group(*group)->open;
    }
  }
  if (command.chunk) {
    select_chunk(command, rows, resume, group, memory, batch);
    return {};
  }
  if (group) rows.group_escrows(*group, EscrowId(), kEveryEscrow, kMaxGroupItems + 1, memory.ids);
  if (memory.ids.size() > kMaxGroupItems) {
    return fail(
        ErrorCode::batch_too_large,
        fmt::format("group {} has more than {} escrows with something locked, too many for one event; pass "
                    "\"chunk\": 100000 with a key and mode skip, outside an atomic",
                    command.group, kMaxGroupItems));
  }
  return {};
}

}  // namespace

Result<void> select_escrows(const BatchCommand& command, const Rows& rows, const ChunkProgress* resume,
                            DecideMemory& memory, BatchInfo& batch) {
  memory.ids.clear();
  if (command.group.empty()) {
    select_list(command.escrows, rows, memory);
  } else if (auto selected = select_group(command, rows, resume, memory, batch); !selected) {
    return selected;
  }
  memory.rows.resize(memory.ids.size());
  rows.escrows(memory.ids, memory.rows);
  return {};
}

void Offenders::add(std::size_t index, ErrorCode reason) {
  ItemError item;
  item.escrow = memory_.ids[index];
  if (!command_.escrows.empty()) item.key = command_.escrows[index].key;
  item.reason = reason;
  // A frozen escrow never stands in its group's way.
  const bool skipped =
      command_.mode == BatchMode::skip || (!command_.group.empty() && reason == ErrorCode::escrow_frozen);
  if (!skipped && !any_rejected()) first_ = index;
  add_skip(std::move(item), skipped ? skips_ : rejected_);
}

Error Offenders::error() const {
  const auto& first = rejected_.first.front();
  std::uint64_t count = 0;
  for (const auto& code : rejected_.counts) count += code.count;
  const auto name = first.key.empty() ? fmt::format("{}", first.escrow.value()) : first.key;
  const auto reason = why(first_, first.reason);
  Error error;
  error.code = first.reason;
  error.message =
      memory_.ids.size() == 1
          ? fmt::format("escrow {} cannot be {}: {}", name, command_.verb, reason)
          : fmt::format(
                "{} of {} escrows cannot be {}, so none was; the first is escrow {}: {}, or pass mode skip",
                count, memory_.ids.size(), command_.verb, name, reason);
  error.items = rejected_.first;
  error.counts = rejected_.counts;
  return error;
}

std::string Offenders::why(std::size_t index, ErrorCode reason) const {
  const auto* row = memory_.rows[index];
  const auto currency = row != nullptr ? rows_.plan(row->plan)->currency : Currency();
  const auto& plan = command_.fee_plan;
  switch (reason) {
    case ErrorCode::escrow_not_found:
      return "there is none; name it by its id, or by the key it was held under";
    case ErrorCode::duplicate_item:
      return "it is listed more than once; list it once";
    case ErrorCode::escrow_not_locked:
      return fmt::format("it is {}, with nothing locked; leave it out", to_string(status_of(*row)));
    case ErrorCode::escrow_frozen:
      return "it is FROZEN; resolve it first";
    case ErrorCode::fee_plan_fixed:
      return fmt::format("{} of it was released under the fee plan it has; release the rest without fee_plan",
                         with_currency(row->released, currency));
    case ErrorCode::currency_mismatch:
      return fmt::format("it is in {}, fee plan {} is not; use a fee plan in {}", currency.code(), plan,
                         currency.code());
    case ErrorCode::fees_exceed_amount:
      return fmt::format("under fee plan {} the fees of {} exceed it; use another fee plan", plan,
                         with_currency(row->locked(), currency));
    case ErrorCode::amount_out_of_range:
      return fmt::format("it has {} locked, {} was asked; ask for at most what is locked",
                         with_currency(row->locked(), currency), with_currency(*command_.amount, currency));
    default:
      return std::string(to_string(reason));
  }
}

Result<void> check_expected(const Expectation& expect, const std::vector<Total>& totals,
                            std::string_view verb) {
  const auto differs = [verb](Currency currency, const Total* now, const Total* confirmed) {
    return fail(
        ErrorCode::not_as_expected,
        fmt::format("{} would be {}, not {} as expected, so nothing was done; ask again with dry_run, "
                    "and confirm what it answers",
                    in_words(now, currency), verb, in_words(confirmed, currency)));
  };
  for (const auto& now : totals) {
    const auto at = std::ranges::find(expect, now.currency, &Total::currency);
    if (at == expect.end()) return differs(now.currency, &now, nullptr);
    if (*at != now) return differs(now.currency, &now, &*at);
  }
  for (const auto& confirmed : expect) {
    const auto at = std::ranges::find(totals, confirmed.currency, &Total::currency);
    if (at == totals.end()) return differs(confirmed.currency, nullptr, &confirmed);
  }
  return {};
}

void finish_chunk(const BatchInfo& batch, ChunkProgress& progress) {
  for (const auto& code : batch.skips.counts) {
    auto at = std::ranges::lower_bound(progress.skips.counts, code.code, {}, &CodeCount::code);
    if (at == progress.skips.counts.end() || at->code != code.code) {
      progress.skips.counts.insert(at, code);
    } else {
      at->count += code.count;
    }
  }
  for (const auto& item : batch.skips.first) {
    if (progress.skips.first.size() < kShownItems) progress.skips.first.push_back(item);
  }
}

}  // namespace holdfast
