#include "server/event_pages.h"

#include <algorithm>

#include "json/render.h"

namespace holdfast::server {

Result<EventTexts> EventPages::read_fresh(Seq after, std::size_t limit) const {
  // In small steps: a page of 10,000 settlements of whole groups would not fit in memory at once.
  constexpr std::size_t kStep = 64;
  EventTexts texts;
  std::size_t bytes = 0;
  while (true) {
    const auto page = ledger_.events(after, std::min(kStep, limit - texts.rows.size()));
    if (!page) return std::unexpected(page.error());
    for (const auto& event : page->rows) {
      if (bytes >= kMaxBytes || texts.rows.size() == limit) {
        texts.next = texts.rows.back().seq;
        return texts;
      }
      texts.rows.push_back({event.seq, event.at, event.op, json::to_json(event)});
      bytes += texts.rows.back().json.size();
    }
    texts.next = page->next;
    if (!page->next || bytes >= kMaxBytes || texts.rows.size() == limit) return texts;
    after = *page->next;
  }
}

std::shared_ptr<const EventTexts> EventPages::find(Seq after, std::size_t limit, Seq seen) {
  const std::lock_guard lock(mutex_);
  for (const auto& kept : kept_) {
    if (!kept.page || kept.after != after || kept.limit != limit || kept.page->rows.empty()) continue;
    if (kept.page->next || kept.page->rows.back().seq >= seen) return kept.page;
  }
  return nullptr;
}

Result<std::shared_ptr<const EventTexts>> EventPages::read(Seq after, std::size_t limit,
                                                           std::optional<Seq> seen) {
  if (seen) {
    if (auto page = find(after, limit, *seen)) return page;
  }
  auto fresh = read_fresh(after, limit);
  if (!fresh) return std::unexpected(std::move(fresh.error()));
  auto page = std::make_shared<const EventTexts>(std::move(*fresh));
  if (seen) {
    const std::lock_guard lock(mutex_);
    kept_[oldest_] = {after, limit, page};
    oldest_ = (oldest_ + 1) % kept_.size();
  }
  return page;
}

}  // namespace holdfast::server
