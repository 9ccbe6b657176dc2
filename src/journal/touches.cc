#include "journal/touches.h"

#include <algorithm>
#include <variant>

namespace holdfast::journal {
namespace {

/// Payers of what the entry did to escrows. A release or refund on its own has a posting of every payer's; in
/// an atomic the postings of several commands can cancel out.
void append_payers(const Entry& entry, bool in_atomic, std::vector<AccountId>& out) {
  for_each_effect(entry, [&](const Entry& effect) {
    if (const auto* frozen = std::get_if<Frozen>(&effect.body)) out.push_back(frozen->payer);
    if (const auto* moved = std::get_if<Rescheduled>(&effect.body)) out.push_back(moved->payer);
    if (const auto* resolved = std::get_if<Resolved>(&effect.body)) out.push_back(resolved->payer);
    if (!in_atomic) return;
    if (const auto* held = std::get_if<Held>(&effect.body)) out.push_back(held->payer);
    if (const auto* released = std::get_if<Released>(&effect.body)) {
      for (const auto& item : released->items) out.push_back(item.payer);
    }
    if (const auto* refunded = std::get_if<Refunded>(&effect.body)) {
      for (const auto& item : refunded->items) out.push_back(item.payer);
    }
  });
}

}  // namespace

void touches_of(const Entry& entry, std::vector<Posting>& scratch, std::vector<AccountChange>& out) {
  const auto begin = out.size();
  postings(entry, scratch);
  for (const auto& posting : scratch) {
    if (out.size() == begin || out.back().account != posting.account) out.push_back({posting.account, {}});
    auto& change = out.back().change;
    (posting.bucket == Bucket::available ? change.available : change.held) += posting.amount;
  }

  std::vector<AccountId> payers;
  append_payers(entry, std::holds_alternative<AtomicDone>(entry.body), payers);
  if (payers.empty()) return;
  std::ranges::sort(payers);
  payers.erase(std::ranges::unique(payers).begin(), payers.end());
  const auto posted_end = out.size();
  for (const auto payer : payers) {
    const auto posted = std::ranges::subrange(out.begin() + static_cast<std::ptrdiff_t>(begin),
                                              out.begin() + static_cast<std::ptrdiff_t>(posted_end));
    if (!std::ranges::binary_search(posted, payer, {}, &AccountChange::account)) out.push_back({payer, {}});
  }
  const auto middle = out.begin() + static_cast<std::ptrdiff_t>(posted_end);
  std::inplace_merge(out.begin() + static_cast<std::ptrdiff_t>(begin), middle, out.end(),
                     [](const auto& a, const auto& b) { return a.account < b.account; });
}

}  // namespace holdfast::journal
