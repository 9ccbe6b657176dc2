// The canonical bytes of an event: docs/journal_format.md, "Events". The same in every store, held by golden
// files.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"
#include "ledger/event.h"

namespace holdfast {

/// Appends the canonical bytes of an event whose command had this entry. Allocates nothing but in `out`.
void encode_event(Seq seq, Timestamp at, const Entry& entry, Bytes& out);

/// The two parts of the same bytes, for a store that keeps an entry before its seq and time are known:
/// encode_event appends the head, then the entry.
void encode_event_head(Seq seq, Timestamp at, Bytes& out);
void encode_entry(const Entry& entry, Bytes& out);

/// Upper bound of what encode_event appends for any event that `command` can lead to, given that a group it
/// names has at most `group_items` escrows. For reserving space before deciding.
[[nodiscard]] std::size_t max_encoded_size(const Command& command, std::size_t group_items);

/// The same for the error of a savepoint that the caller's own code rolled back, inside an atomic.
[[nodiscard]] std::size_t max_encoded_size(const Error& error);

/// Decodes exactly `bytes`. Anything that no encoder wrote (overlong integers, bytes left over, amounts out
/// of range, names that break the rules, a batch whose fees exceed an item) is `corrupt`. What a newer
/// version may have added (an encoding version, a field, a kind of body or result, an error code, a currency)
/// is `newer_format`. `into` is reused: its vectors keep their capacity; after an error it holds anything.
[[nodiscard]] Result<void> decode_event(std::span<const std::byte> bytes, Event& into);

/// The same for exactly what encode_entry wrote.
[[nodiscard]] Result<void> decode_entry(std::span<const std::byte> bytes, Entry& into);

/// Only the seq and time, from the front.
struct EventHead {
  Seq seq;
  Timestamp at;
};
[[nodiscard]] Result<EventHead> decode_event_head(std::span<const std::byte> bytes);

/// h(n) = SHA-256(h(n-1) || canonical bytes). h(0) is 32 zero bytes.
[[nodiscard]] Digest chain(Sha256& hasher, const Digest& previous, std::span<const std::byte> event_bytes);

}  // namespace holdfast
