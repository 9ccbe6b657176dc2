#include "ledger/atomic_run.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/assert.h"
#include "ledger/decide.h"
#include "ledger/request.h"

namespace holdfast {
namespace {

struct KeepsNothing {
  template <class Other>
  bool operator()(const Other&) const {
    return false;
  }
  bool operator()(const Unchanged&) const { return true; }
  bool operator()(const Replayed&) const { return true; }
  bool operator()(const Released& body) const { return moved_nothing(body); }
  bool operator()(const Refunded& body) const { return moved_nothing(body); }
  bool operator()(const AtomicDone& body) const {
    return std::ranges::all_of(body.entries,
                               [](const auto& entry) { return !entry || keeps_nothing(*entry); });
  }

  template <class Batch>
  static bool moved_nothing(const Batch& body) {
    return body.items.empty() && body.batch.skips.counts.empty() && !body.batch.closes_group;
  }
};

std::uint64_t settled_items(const Body& body) {
  if (const auto* released = std::get_if<Released>(&body)) return released->items.size();
  if (const auto* refunded = std::get_if<Refunded>(&body)) return refunded->items.size();
  return 0;
}

}  // namespace

Entry entry_for(const Options& options, std::vector<FieldDigest> request) {
  Entry entry;
  entry.key = options.key;
  entry.actor = options.actor;
  entry.reason = options.reason;
  entry.reference = options.reference;
  entry.request = std::move(request);
  return entry;
}

bool keeps_nothing(const Entry& entry) {
  return entry.key.empty() && std::visit(KeepsNothing{}, entry.body);
}

Result<void> check_same_request(std::string_view key, const std::vector<FieldDigest>& past,
                                const std::vector<FieldDigest>& now) {
  auto fields = differing_fields(past, now);
  if (fields.empty()) return {};
  auto error = fail(ErrorCode::idempotency_conflict,
                    fmt::format("key {} was used for another request, which differs in {}; use a new key, or "
                                "repeat the first request as it was",
                                key, fmt::join(fields, ", ")));
  error.error().fields = std::move(fields);
  return error;
}

Result<void> AtomicRun::run(const Command& command, Entries& into) {
  const auto* atomic = std::get_if<Atomic>(&command.operation);
  // A store that cannot work ends everything; a rejection ends only the savepoint.
  const auto ended_by = [&](Error error) -> Result<void> {
    if (atomic == nullptr || !atomic->continue_on_error || !is_rejection(error.code))
      return std::unexpected(std::move(error));
    into.emplace_back(std::unexpect, std::move(error));
    return {};
  };
  std::vector<FieldDigest> request;
  if (!command.options.key.empty()) {
    request = request_of(command);
    auto first = replay(command.options, request);
    if (!first) return ended_by(std::move(first.error()));
    if (*first) {
      into.emplace_back(std::move(**first));
      return {};
    }
  }
  auto entry = entry_for(command.options, std::move(request));
  auto done = atomic != nullptr ? run_all(*atomic, entry) : run_single(command, entry);
  if (!done) return ended_by(std::move(done.error()));
  into.emplace_back(std::move(entry));
  return {};
}

Result<void> AtomicRun::run_all(const Atomic& atomic, Entry& entry) {
  const auto before = mark();
  rows_.begin();
  if (!entry.key.empty()) reserve_key(entry);
  auto& entries = entry.body.emplace<AtomicDone>().entries;
  entries.reserve(atomic.commands.size());
  for (std::size_t i = 0; i < atomic.commands.size(); ++i) {
    auto done = run(atomic.commands[i], entries);
    if (done) continue;
    rows_.rollback();
    return_to(before);
    done.error().path.insert(done.error().path.begin(), static_cast<std::uint32_t>(i));
    return done;
  }
  if (!entry.key.empty()) keep(entry);
  rows_.commit();
  return {};
}

Result<void> AtomicRun::run_single(const Command& command, Entry& entry) {
  if (auto decided = decide(command.operation, rows_, nullptr, memory_, entry.body); !decided) return decided;
  const auto items = items_ + settled_items(entry.body);
  if (items > kMaxGroupItems) {
    return fail(ErrorCode::batch_too_large,
                fmt::format("one event settles at most {} escrows, and this atomic {}; split it in several",
                            kMaxGroupItems, items));
  }
  items_ = items;
  if (!entry.key.empty()) reserve_key(entry);
  keep(entry);
  return {};
}

Result<std::optional<Entry>> AtomicRun::replay(const Options& options,
                                               const std::vector<FieldDigest>& request) const {
  Replayed body;
  if (const auto own = taken_.find(options.key); own != taken_.end()) {
    if (auto same = check_same_request(options.key, own->second.request, request); !same) {
      return std::unexpected(std::move(same.error()));
    }
    HOLDFAST_ASSERT(own->second.result, "no command is the same as the atomic around it");
    body = {moment_.seq, *own->second.result};
  } else if (rows_.key_used(options.key)) {
    const auto past = rows_.past_command(options.key);
    if (!past) return std::unexpected(past.error());
    if (auto same = check_same_request(options.key, past->entry.request, request); !same) {
      return std::unexpected(std::move(same.error()));
    }
    body = {past->seq, result_of(past->entry)};
  } else {
    return std::nullopt;
  }
  // The key stays with the command that took it.
  auto entry = entry_for(options, {});
  entry.key.clear();
  entry.body = std::move(body);
  return entry;
}

Result<void> AtomicRun::take_block_key(const Entry& entry) {
  if (taken_.contains(entry.key) || rows_.key_used(entry.key)) {
    return fail(
        ErrorCode::idempotency_conflict,
        fmt::format("key {} of the block is used already, perhaps by a command inside it; give the block a "
                    "key of its own",
                    entry.key));
  }
  rows_.apply(entry, moment_.seq, moment_.at);
  return {};
}

void AtomicRun::return_to(Mark mark) {
  for (; order_.size() > mark.keys; order_.pop_back()) taken_.erase(order_.back());
  items_ = mark.items;
}

void AtomicRun::reserve_key(const Entry& entry) {
  taken_.emplace(entry.key, Taken{entry.request, std::nullopt});
  order_.push_back(entry.key);
}

void AtomicRun::keep(const Entry& entry) {
  if (!entry.key.empty()) taken_.at(entry.key).result = result_of(entry);
  if (!keeps_nothing(entry)) rows_.apply(entry, moment_.seq, moment_.at);
}

}  // namespace holdfast
