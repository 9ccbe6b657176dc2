// Reading parts of the journal: a range of events, or a list of single ones.
#pragma once

#include <span>

#include "journal/log.h"

namespace holdfast::journal {

/// What a visitor answers to go on or to end the reading early.
enum class Visit : std::uint8_t { more, enough };

/// Like EventSink, with a way to end.
using RangeVisitor =
    std::function<Result<Visit>(const Event&, std::span<const std::byte> bytes, const Digest* hash)>;

/// Durable events with after < seq <= through, in order.
[[nodiscard]] Result<void> read_range(const Log& log, Seq after, Seq through, const RangeVisitor& visit);

/// The durable events of `seqs`, ascending. Close ones are read in one go.
[[nodiscard]] Result<void> read_events(const Log& log, std::span<const Seq> seqs,
                                       const std::function<Result<Visit>(const Event&)>& visit);

}  // namespace holdfast::journal
