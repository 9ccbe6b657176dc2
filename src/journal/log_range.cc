#include "journal/log_range.h"

namespace holdfast::journal {
namespace {

/// A scan reads megabytes ahead, a single read tens of kilobytes: so at least this many events make a scan,
/// where they lie close together.
constexpr std::size_t kWorthAScan = 24;
constexpr std::uint64_t kNearby = 16;

}  // namespace

Result<void> read_range(const Log& log, Seq after, Seq through, const RangeVisitor& visit) {
  if (after >= through) return {};
  bool ended = false;
  auto scanned = log.scan(
      after, [&](const Event& event, std::span<const std::byte> bytes, const Digest* hash) -> Result<void> {
        auto next = visit(event, bytes, hash);
        if (!next) return std::unexpected(next.error());
        ended = *next == Visit::enough || event.seq >= through;
        // A scan has no other way to end early: this error never leaves this function.
        if (ended) return fail(ErrorCode::aborted, "read as far as asked");
        return {};
      });
  if (ended) return {};
  return scanned;
}

Result<void> read_events(const Log& log, std::span<const Seq> seqs,
                         const std::function<Result<Visit>(const Event&)>& visit) {
  std::size_t at = 0;
  bool enough = false;
  const auto visit_one = [&](const Event& event) {
    ++at;
    auto next = visit(event);
    enough = next && *next == Visit::enough;
    return next;
  };
  while (at < seqs.size() && !enough) {
    auto end = at + 1;
    while (end < seqs.size() && seqs[end].value() - seqs[end - 1].value() <= kNearby) ++end;
    if (end - at >= kWorthAScan) {
      auto done =
          read_range(log, Seq(seqs[at].value() - 1), seqs[end - 1],
                     [&](const Event& event, std::span<const std::byte>, const Digest*) -> Result<Visit> {
                       if (event.seq != seqs[at]) return Visit::more;
                       return visit_one(event);
                     });
      if (!done) return done;
      continue;
    }
    while (at < end && !enough) {
      const auto event = log.read(seqs[at]);
      if (!event) return std::unexpected(event.error());
      if (auto next = visit_one(*event); !next) return std::unexpected(next.error());
    }
  }
  return {};
}

}  // namespace holdfast::journal
