#include "journal/log_range.h"

namespace holdfast::journal {
namespace {

/// Events that lie at most so far apart are read in one scan: a frame holds tens of events, and is read and
/// checked as a whole.
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
  while (at < seqs.size() && !enough) {
    auto end = at + 1;
    while (end < seqs.size() && seqs[end].value() - seqs[end - 1].value() <= kNearby) ++end;
    auto done =
        read_range(log, Seq(seqs[at].value() - 1), seqs[end - 1],
                   [&](const Event& event, std::span<const std::byte>, const Digest*) -> Result<Visit> {
                     if (event.seq != seqs[at]) return Visit::more;
                     ++at;
                     auto next = visit(event);
                     enough = next && *next == Visit::enough;
                     return next;
                   });
    if (!done) return done;
  }
  return {};
}

}  // namespace holdfast::journal
