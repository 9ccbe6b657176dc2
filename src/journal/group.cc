// Looking into events that are on their way to the disk.
#include "journal/group.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "ledger/event_codec.h"

namespace holdfast::journal {

std::optional<Event> find_in(const FramePayload& payload, const std::function<bool(const Event&)>& wanted) {
  ByteReader in(payload.bytes);
  Event event;
  for (std::uint32_t i = 0; i < payload.count; ++i) {
    const auto decoded = decode_event(in.raw(in.varint()), event);
    HOLDFAST_ASSERT(in.ok() && decoded, "an event that was just encoded decodes");
    if (wanted(event)) return event;
  }
  return std::nullopt;
}

const Entry* entry_with_key(const Entry& entry, std::string_view key) {
  if (entry.key == key) return &entry;
  const auto* atomic = std::get_if<AtomicDone>(&entry.body);
  if (atomic == nullptr) return nullptr;
  for (const auto& part : atomic->entries) {
    if (!part || std::holds_alternative<Replayed>(part->body)) continue;
    if (const auto* found = entry_with_key(*part, key)) return found;
  }
  return nullptr;
}

bool holds_escrow(const Entry& entry, EscrowId escrow) {
  bool found = false;
  for_each_effect(entry, [&](const Entry& effect) {
    const auto* held = std::get_if<Held>(&effect.body);
    found = found || (held != nullptr && held->escrow == escrow);
  });
  return found;
}

}  // namespace holdfast::journal
