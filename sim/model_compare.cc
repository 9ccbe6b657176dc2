// What is different between what the model expects and what was answered.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "sim/model.h"

namespace holdfast::sim {
namespace {

std::string mismatch(const Outcome& expected, std::string_view actual) {
  return fmt::format("expected {}, got {}", describe(expected), actual);
}

bool same_counts(std::vector<CodeCount> a, std::vector<CodeCount> b) {
  const auto by_code = [](const CodeCount& x, const CodeCount& y) { return x.code < y.code; };
  std::ranges::sort(a, by_code);
  std::ranges::sort(b, by_code);
  return a == b;
}

/// An escrow whose id no answer gave may be called by any, but by that one only, and no other by it.
bool same_items(const std::vector<ItemError>& expected, const std::vector<ItemError>& actual) {
  std::map<EscrowId, EscrowId> given;
  std::map<EscrowId, EscrowId> meant;
  return std::ranges::equal(expected, actual, [&](const ItemError& ours, const ItemError& theirs) {
    const bool may_be = ours.escrow == theirs.escrow || ours.escrow.value() >= kFirstUnknownId;
    return may_be && given.try_emplace(ours.escrow, theirs.escrow).first->second == theirs.escrow &&
           meant.try_emplace(theirs.escrow, ours.escrow).first->second == ours.escrow &&
           ours.key == theirs.key && ours.reason == theirs.reason;
  });
}

bool same_settlement(const Settlement& expected, const Settlement& actual) {
  return expected.kind == actual.kind && expected.totals == actual.totals &&
         same_items(expected.skipped, actual.skipped) && expected.to_payer == actual.to_payer &&
         same_counts(expected.skipped_count, actual.skipped_count);
}

bool same_error(const Outcome& expected, const Error& actual, bool with_path) {
  if (!expected.codes.contains(actual.code)) return false;
  if (with_path && !expected.codes.contains(ErrorCode::invalid_command) &&
      !expected.codes.contains(ErrorCode::amount_out_of_range) && actual.path != expected.path) {
    return false;
  }
  return !expected.batch_error ||
         (same_items(expected.items, actual.items) && same_counts(actual.counts, expected.counts));
}

bool same_result(const Outcome& expected, const CommandResult& actual) {
  if (expected.is_atomic) {
    const auto* atomic = std::get_if<AtomicResult>(&actual);
    if (atomic == nullptr || atomic->results.size() != expected.parts.size()) return false;
    for (std::size_t i = 0; i < expected.parts.size(); ++i) {
      const auto& part = expected.parts[i];
      const auto& given = atomic->results[i];
      if (part.ok() != given.has_value()) return false;
      if (part.ok() ? !same_result(part, *given) : !same_error(part, given.error(), false)) return false;
    }
    return true;
  }
  if (expected.result.index() != actual.index()) return false;
  if (const auto* settlement = std::get_if<Settlement>(&expected.result)) {
    return same_settlement(*settlement, std::get<Settlement>(actual));
  }
  if (const auto* hold = std::get_if<HoldResult>(&expected.result))
    return *hold == std::get<HoldResult>(actual);
  if (const auto* plan = std::get_if<PlanResult>(&expected.result))
    return *plan == std::get<PlanResult>(actual);
  return true;
}

void collect_ids(const CommandResult& result, Path& path, GivenIds& out) {
  if (const auto* hold = std::get_if<HoldResult>(&result)) {
    if (hold->escrow) out[path] = hold->escrow->value();
  } else if (const auto* atomic = std::get_if<AtomicResult>(&result)) {
    for (std::size_t i = 0; i < atomic->results.size(); ++i) {
      if (!atomic->results[i]) continue;
      path.push_back(static_cast<std::uint32_t>(i));
      collect_ids(*atomic->results[i], path, out);
      path.pop_back();
    }
  }
}

}  // namespace

std::string difference(const Outcome& expected, const CommandResult& actual) {
  if (expected.ok() && same_result(expected, actual)) return {};
  return mismatch(expected, describe(Result<Answer>(Answer{{}, {}, {}, false, actual})));
}

std::string difference(const Outcome& expected, const Result<Answer>& actual) {
  if (!actual) {
    if (!expected.ok() && same_error(expected, actual.error(), true)) return {};
    return mismatch(expected, describe(actual));
  }
  if (!expected.ok() || !same_result(expected, actual->result)) return mismatch(expected, describe(actual));
  if (actual->replayed != expected.replayed) return mismatch(expected, describe(actual));
  const bool has_seq = actual->seq.has_value();
  if (has_seq != (expected.recorded || expected.replayed)) return mismatch(expected, describe(actual));
  return {};
}

GivenIds given_ids(const CommandResult& result) {
  GivenIds out;
  Path path;
  collect_ids(result, path, out);
  return out;
}

}  // namespace holdfast::sim
