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

}  // namespace holdfast::journal
