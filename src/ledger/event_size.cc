// How many bytes a command's event can take at most, told before it is decided, so that space on disk is
// taken first and a full disk refuses a command instead of breaking one (laws 5 and 6).

#include <algorithm>

#include "ledger/event_codec.h"
#include "ledger/event_wire.h"

namespace holdfast {
namespace {

constexpr std::size_t kLong = wire::kMaxVarint;
constexpr std::size_t kShort = wire::kMaxShortVarint;
constexpr std::size_t kAmount = wire::kMaxAmountVarint;
constexpr std::size_t kCurrency = 3;
constexpr std::size_t kTextLength = 2;  // of texts up to 255 bytes

constexpr std::size_t kRequest = 1 + wire::kMaxRequestFields * 9;
constexpr std::size_t kPlanUse = kShort + kCurrency + 2 * kShort;
constexpr std::size_t kAnyOpened = kShort + kTextLength + wire::kMaxNameText + kCurrency + 1;
constexpr std::size_t kItemError = kLong + kTextLength + wire::kMaxText + 1;
constexpr std::size_t kCounts = 1 + 32 * (1 + kLong);  // more than there are codes
constexpr std::size_t kTotal = kCurrency + kLong + 4 * kLong;
constexpr std::size_t kCurrencies = 256;  // more than the table has
/// Of errors that the core makes; a caller's own are measured.
constexpr std::size_t kMessage = 1024;
constexpr std::size_t kFieldNames = 1 + wire::kMaxRequestFields * 64;

std::size_t text(std::string_view value) {
  return kTextLength + std::min(value.size(), wire::kMaxText);
}

std::size_t rule() {
  return kShort + 3 * kAmount + 1 + kTextLength + wire::kMaxNameText;
}

std::size_t first_items(std::size_t items) {
  return 1 + std::min(items, wire::kMaxFirstSkips) * kItemError + kCounts;
}

/// What a batch's command says of its size.
struct Batch {
  bool of_group = false;
  bool chunked = false;
  std::size_t items = 0;
  std::size_t skips = 0;  // a bound of what `first_items` encodes
  std::size_t group = 0;
};

template <class Operation>
Batch batch_of(const Operation& operation, std::size_t group_items) {
  Batch batch;
  batch.of_group = !operation.group.empty();
  batch.chunked = operation.chunk.has_value();
  batch.items = batch.of_group ? group_items : operation.escrows.size();
  if (operation.chunk) batch.items = std::min<std::size_t>(batch.items, *operation.chunk);
  const bool skips_nothing = operation.mode == BatchMode::atomic && !batch.of_group;
  batch.skips = skips_nothing ? 2 : first_items(batch.of_group ? wire::kMaxFirstSkips : batch.items);
  batch.group = kShort + text(operation.group);
  return batch;
}

std::size_t totals(const Batch& batch) {
  return kTextLength + (batch.of_group ? kCurrencies : std::min(batch.items, kCurrencies)) * kTotal;
}

std::size_t batch_size(const Batch& batch, std::size_t item, std::size_t use) {
  const auto info = 1 + batch.skips + batch.group;
  const auto chunk = batch.chunked ? 2 * kLong + totals(batch) + batch.skips : 0;
  return 2 * kLong + batch.items * (item + use) + info + chunk;
}

std::size_t part_size(const Command& command, std::size_t group_items);

std::size_t body_size(const Operation& operation, std::size_t group_items) {
  struct Size {
    std::size_t group_items;

    std::size_t operator()(const OpenAccount&) const { return kAnyOpened; }
    std::size_t operator()(const CloseAccount&) const { return kShort; }
    std::size_t operator()(const DefineFeePlan&) const {
      return kShort + kTextLength + wire::kMaxNameText + kShort + kCurrency + 2 * rule() + 1 + 2 * kShort +
             1 + 2 * kAnyOpened;
    }
    static std::size_t moved() { return 1 + 2 * kShort + kCurrency + kAmount + 1 + kAnyOpened; }
    std::size_t operator()(const Deposit&) const { return moved(); }
    std::size_t operator()(const Withdraw&) const { return moved(); }
    std::size_t operator()(const Transfer&) const { return moved(); }
    std::size_t operator()(const Hold& hold) const {
      return kLong + 2 * kShort + kShort + text(hold.group) + kShort + kCurrency + kAmount + 1 + kLong;
    }
    std::size_t operator()(const Reschedule&) const { return kLong + kShort + 1 + kLong; }
    std::size_t operator()(const Release& release) const {
      return batch_size(batch_of(release, group_items), wire::kMaxReleasedItem, kPlanUse);
    }
    std::size_t operator()(const Refund& refund) const {
      return batch_size(batch_of(refund, group_items), wire::kMaxRefundedItem, kCurrency);
    }
    std::size_t operator()(const Freeze&) const { return kLong + kShort; }
    std::size_t operator()(const Resolve&) const { return kLong + 2 * kShort + kPlanUse + 4 * kAmount; }
    std::size_t operator()(const CloseGroup& close) const { return kShort + text(close.group); }
    std::size_t operator()(const ReopenGroup& reopen) const { return kShort + text(reopen.group); }
    std::size_t operator()(const Atomic& atomic) const {
      std::size_t sum = kLong;
      for (const auto& command : atomic.commands) sum += part_size(command, group_items);
      return sum;
    }
  };
  return std::max(std::visit(Size{group_items}, operation), 1 + kShort);  // or Unchanged
}

/// Of the error of a savepoint that failed at a command inside it.
std::size_t failed_items(const Operation& operation) {
  if (const auto* atomic = std::get_if<Atomic>(&operation)) {
    std::size_t most = 0;
    for (const auto& command : atomic->commands) most = std::max(most, failed_items(command.operation));
    return most;
  }
  const auto* release = std::get_if<Release>(&operation);
  const auto* refund = std::get_if<Refund>(&operation);
  if (release != nullptr) {
    return release->group.empty() ? release->escrows.size() : wire::kMaxFirstSkips;
  }
  if (refund != nullptr) return refund->group.empty() ? refund->escrows.size() : wire::kMaxFirstSkips;
  return 1;
}
std::size_t failed_size(const Operation& operation) {
  return 1 + kTextLength + kMessage + first_items(failed_items(operation)) + kFieldNames + 1 +
         (wire::kMaxNesting + 1) * kShort;
}

bool is_savepoint(const Operation& operation) {
  const auto* atomic = std::get_if<Atomic>(&operation);
  return atomic != nullptr && atomic->continue_on_error;
}

/// Of the first answer that a replay inside an atomic carries.
std::size_t result_size(const Operation& operation) {
  if (const auto* atomic = std::get_if<Atomic>(&operation)) {
    std::size_t sum = 1 + kLong;
    for (const auto& command : atomic->commands) {
      const auto done = result_size(command.operation);
      const bool may_fail = is_savepoint(command.operation);
      sum += 1 + (may_fail ? std::max(done, failed_size(command.operation)) : done);
    }
    return sum;
  }
  Batch batch{.items = 1, .skips = 2};  // resolve settles one
  if (const auto* release = std::get_if<Release>(&operation)) batch = batch_of(*release, 0);
  if (const auto* refund = std::get_if<Refund>(&operation)) batch = batch_of(*refund, 0);
  return 2 + totals(batch) + batch.skips + kLong;
}

std::size_t entry_size(const Options& options, std::size_t body) {
  const auto texts = text(options.key) + text(options.actor) + text(options.reason) + text(options.reference);
  return 1 + texts + (options.key.empty() ? 0 : kRequest) + 1 + body;
}

std::size_t part_size(const Command& command, std::size_t group_items) {
  auto body = body_size(command.operation, group_items);
  if (!command.options.key.empty()) body = std::max(body, kLong + result_size(command.operation));
  const auto done = entry_size(command.options, body);
  return 1 + (is_savepoint(command.operation) ? std::max(done, failed_size(command.operation)) : done);
}

}  // namespace

std::size_t max_encoded_size(const Command& command, std::size_t group_items) {
  return 1 + 2 * kLong + entry_size(command.options, body_size(command.operation, group_items));
}

std::size_t max_encoded_size(const Error& error) {
  auto sum = 2 + 5 * kLong + error.message.size() + error.counts.size() * (1 + kLong);
  for (const auto& item : error.items) sum += 2 * kLong + item.key.size() + 1;
  for (const auto& field : error.fields) sum += kLong + field.size();
  return sum + error.path.size() * kShort;
}

}  // namespace holdfast
