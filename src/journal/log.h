// The journal: segments of frames, appended and synced one frame at a time. docs/journal_format.md gives
// every byte.
//
// At most one frame is not yet synced at any moment; so a bad frame with nothing good after it is a torn
// tail, never acknowledged, and is cut off; a bad frame with a good one after it, or below what was published
// as durable, is `corrupt`. Keeps laws 4, 5 and 6.
//
// Threads: `reserve` is called by the decide side, `append` by the sync side, one each at a time. Everything
// else is const and may be called from any thread; it sees what is durable. The directory outlives the log,
// and its `open` is called from any of these threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "journal/uuid.h"
#include "ledger/event_codec.h"

namespace holdfast::journal {

inline constexpr std::uint32_t kFormatVersion = 1;
/// Frames begin on these: a write never shares a page with bytes that were acknowledged.
inline constexpr std::uint64_t kFrameAlignment = 4096;
inline constexpr std::size_t kMaxFramePayload = std::size_t{1} << 30;

struct LogOptions {
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;  // a larger frame gets a larger segment of its own
};

/// A place in the journal.
struct Position {
  std::uint32_t segment = 0;  // from 1
  std::uint64_t offset = 0;
};

/// How far the journal is durable.
struct Durable {
  Seq seq;
  Digest head{};
  Position end;  // where the next frame goes
};

/// Events of one frame on their way to the disk: each its length as varint, then its canonical bytes.
struct FramePayload {
  Seq first;
  std::uint32_t count = 0;
  EscrowId next_escrow;  // above the escrow ids of all events before the first
  Bytes bytes;

  void clear() { first = {}, count = 0, next_escrow = {}, bytes.clear(); }
};

/// What recovery found and did, for people.
struct LogReport {
  std::vector<std::string>
      notes;  // one line each: a torn tail cut off (file, offset, bytes), an unfinished segment removed
};

/// Called for each event in order with its decoded form, its canonical bytes and the chain's hash there,
/// never nullptr. An error stops the scan and is passed on.
using EventSink = std::function<Result<void>(const Event&, std::span<const std::byte>, const Digest*)>;

class Log {
 public:
  /// Makes an empty journal in an empty directory, durable when it returns.
  [[nodiscard]] static Result<void> create(Directory& directory, const LedgerUuid& ledger);

  /// Opens for writing: syncs what is there before relying on it, checks and replays all events with seq >
  /// after into `sink` (events before are neither read nor checked, but for the frame that holds `after`).
  /// A torn tail is cut off: what it left stays, and the next frame opens a new segment. A last frame that
  /// nobody can say is durable is copied into a new segment. When this returns, all that it gave to `sink` is
  /// durable. `corrupt` names file and offset; so does `after` beyond the journal's end. ≥ 5 M escrow changes
  /// a second with a sink that does nothing.
  [[nodiscard]] static Result<std::unique_ptr<Log>> recover(Directory& directory, const LedgerUuid& ledger,
                                                            LogOptions options, Seq after,
                                                            const EventSink& sink, LogReport& report);

  /// Opens for reading up to the published durable offset, changes nothing; works while another process
  /// writes.
  [[nodiscard]] static Result<std::unique_ptr<Log>> open_read_only(Directory& directory,
                                                                   const LedgerUuid& ledger, Seq after,
                                                                   const EventSink& sink);
  ~Log();

  /// Takes the space that the open group's frame needs once it has `more_bytes` more, in this segment or a
  /// next one; the group that was closed before and is not yet appended keeps what it reserved.
  /// `storage_full` changes nothing, `batch_too_large` is for more than a frame can hold, `storage_failed` is
  /// final. \param group_bytes  what the open group has so far; 0 where it is empty
  [[nodiscard]] Result<void> reserve(std::size_t group_bytes, std::size_t more_bytes);

  /// Writes the frame, syncs it and publishes the new durable place. \pre the space was reserved;
  /// payload.count > 0 An error is final: the caller answers nothing more and this object refuses every later
  /// append.
  [[nodiscard]] Result<Durable> append(const FramePayload& payload);

  /// A frame without events after the last one, on a clean close: rot in the last frame cannot then look like
  /// a torn tail. Does nothing where there is one, or no event. `storage_full` leaves all as it was.
  /// \pre neither `reserve` nor `append` runs
  [[nodiscard]] Result<void> seal();

  [[nodiscard]] Durable durable() const;

  /// Durable events with seq > after, until `sink` stops it or all are read. Every frame read is checked.
  [[nodiscard]] Result<void> scan(Seq after, const EventSink& sink) const;
  /// One durable event. \pre 1 <= seq <= durable().seq
  [[nodiscard]] Result<Event> read(Seq seq) const;
  /// The event whose command held this escrow. \pre it is durable
  [[nodiscard]] Result<Event> read_hold(EscrowId escrow) const;

  /// Every event that held one of these escrows, once each. A frame is read once, whatever it has of them.
  /// \pre the ids ascend, and their holds are durable
  [[nodiscard]] Result<void> read_holds(std::span<const EscrowId> escrows,
                                        const std::function<void(const Event&)>& visit) const;
  /// When these events were, in their order; likewise. \pre the seqs ascend, and are durable
  [[nodiscard]] Result<void> read_heads(std::span<const Seq> seqs,
                                        const std::function<void(const EventHead&)>& visit) const;

  /// Looks at the header of each segment that has events, which no `scan` reads and the next opening needs.
  [[nodiscard]] Result<void> check_headers(const LedgerUuid& ledger) const;

  /// Sealed segments (complete, nothing more is written to them): number, and the seqs in them.
  struct SegmentInfo {
    std::uint32_t number = 0;
    Seq first;
    Seq last;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] std::vector<SegmentInfo> sealed_segments() const;

 private:
  Log();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Checks every byte up to the durable place, from the start; stops at the first bad frame with `corrupt`,
/// naming file and offset, and the last seq that verifies. Read-only.
struct LogVerification {
  Seq seq;
  Digest head{};
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
};
[[nodiscard]] Result<LogVerification> verify_log(
    Directory& directory, const LedgerUuid& ledger,
    const std::function<void(std::uint64_t done, std::uint64_t of)>& progress, Seq* last_good = nullptr);

}  // namespace holdfast::journal
