// The numbers that stand in the canonical bytes of events (docs/journal_format.md, "Events") and the limits
// that encoder and decoder share. Append only: a number that was written once keeps its meaning for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ledger/event.h"

namespace holdfast::wire {

inline constexpr std::uint8_t kEncodingVersion = 1;

// What follows in an entry. A reader refuses bits it does not know with `newer_format`: a later field, of the
// entry or of any body, announces itself here.
inline constexpr std::uint64_t kHasKey = 1;
inline constexpr std::uint64_t kHasActor = 2;
inline constexpr std::uint64_t kHasReason = 4;
inline constexpr std::uint64_t kHasReference = 8;
inline constexpr std::uint64_t kHasRequest = 16;
inline constexpr std::uint64_t kEntryFlags = 31;

/// The kind byte of a body: its place in `Body`, from 1.
template <class T>
inline constexpr std::uint8_t kKindOf = 0;
template <>
inline constexpr std::uint8_t kKindOf<AccountOpened> = 1;
template <>
inline constexpr std::uint8_t kKindOf<AccountClosed> = 2;
template <>
inline constexpr std::uint8_t kKindOf<FeePlanDefined> = 3;
template <>
inline constexpr std::uint8_t kKindOf<Moved> = 4;
template <>
inline constexpr std::uint8_t kKindOf<Held> = 5;
template <>
inline constexpr std::uint8_t kKindOf<Rescheduled> = 6;
template <>
inline constexpr std::uint8_t kKindOf<Released> = 7;
template <>
inline constexpr std::uint8_t kKindOf<Refunded> = 8;
template <>
inline constexpr std::uint8_t kKindOf<Frozen> = 9;
template <>
inline constexpr std::uint8_t kKindOf<Resolved> = 10;
template <>
inline constexpr std::uint8_t kKindOf<GroupClosed> = 11;
template <>
inline constexpr std::uint8_t kKindOf<GroupReopened> = 12;
template <>
inline constexpr std::uint8_t kKindOf<Unchanged> = 13;
template <>
inline constexpr std::uint8_t kKindOf<Replayed> = 14;
template <>
inline constexpr std::uint8_t kKindOf<AtomicDone> = 15;
static_assert(std::variant_size_v<Body> == 15);

// Dates of an escrow.
inline constexpr std::uint8_t kReleaseAt = 1;
inline constexpr std::uint8_t kRefundAt = 2;

// Beside the items of a batch.
inline constexpr std::uint8_t kClosesGroup = 1;
inline constexpr std::uint8_t kChunk = 2;
inline constexpr std::uint8_t kLastChunk = 4;
inline constexpr std::uint8_t kBatchFlags = 7;

// A command's answer, where an event carries one.
enum class ResultKind : std::uint8_t { nothing = 1, hold = 2, plan = 3, settlement = 4, atomic = 5 };
static_assert(std::variant_size_v<CommandResult> == 5);

// A part of an atomic.
inline constexpr std::uint8_t kPartDone = 1;
inline constexpr std::uint8_t kPartFailed = 2;

inline constexpr std::size_t kMaxText = 255;  // bytes of a key, actor, reason or reference
inline constexpr std::size_t kMaxNameText = 128;
inline constexpr std::size_t kMaxFirstSkips = 100;
inline constexpr std::size_t kMaxRequestFields = 32;
/// Levels of atomics, the outermost counted; the same for the results that a replay carries.
inline constexpr std::size_t kMaxNesting = kMaxAtomicDepth;
/// Escrow ids and seqs stay below 2^63, so that every store can hold them.
inline constexpr std::uint64_t kMaxLongId = std::numeric_limits<std::int64_t>::max();
inline constexpr std::uint64_t kMaxShortId = std::numeric_limits<std::uint32_t>::max();

// The most bytes that one of each can take.
inline constexpr std::size_t kMaxVarint = 10;
inline constexpr std::size_t kMaxShortVarint = 5;  // of 32 bits
inline constexpr std::size_t kMaxAmountVarint = 8;
inline constexpr std::size_t kMaxReleasedItem = kMaxVarint + 3 * kMaxShortVarint + 3 * kMaxAmountVarint;
inline constexpr std::size_t kMaxRefundedItem = kMaxVarint + 2 * kMaxShortVarint + kMaxAmountVarint;

// The fewest bytes that one of each can take: what a count is checked against before anything is allocated.
inline constexpr std::size_t kMinPlanUse = 6;
inline constexpr std::size_t kMinReleasedItem = 7;
inline constexpr std::size_t kMinRefundedItem = 4;
inline constexpr std::size_t kMinOpened = 7;
inline constexpr std::size_t kMinTotal = 8;
inline constexpr std::size_t kMinPart = 4;

inline constexpr std::size_t kMinItemError = 3;
inline constexpr std::size_t kMinCodeCount = 2;

/// Codes that this build has a name for; others come from a newer one.
[[nodiscard]] constexpr bool is_known(ErrorCode code) {
  return (code >= ErrorCode::invalid_command && code <= ErrorCode::not_as_expected) ||
         (code >= ErrorCode::busy && code <= ErrorCode::aborted);
}

}  // namespace holdfast::wire
