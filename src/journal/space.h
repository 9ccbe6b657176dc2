// Where the next frames go: the current segment and those made ahead. Takes the space before anything is
// decided, so that a full disk refuses and an append cannot run out of room.
//
// Threads: `reserve` from the decide side, `place` from the sync side, one each at a time. No file call is
// made while the lock is held.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "base/file.h"
#include "journal/log.h"
#include "journal/uuid.h"

namespace holdfast::journal {

class Space {
 public:
  /// A segment that is open for writing. `end` is where its next frame goes, `capacity` how far it may reach.
  struct Segment {
    std::uint32_t number = 0;
    std::unique_ptr<File> file;
    std::uint64_t end = 0;
    std::uint64_t capacity = 0;
  };

  Space(Directory& directory, const LedgerUuid& ledger, const LogOptions& options, Segment current)
      : directory_(directory),
        ledger_(ledger),
        segment_bytes_(options.segment_bytes),
        last_number_(current.number),
        current_(std::move(current)) {}

  /// Log::reserve. An error of the device is `storage_failed`; a full one, `storage_full`.
  [[nodiscard]] Result<void> reserve(std::size_t group_bytes, std::size_t more_bytes);

  struct Placement {
    Position place;
    File* file = nullptr;           // this object's, until the next call of `place`
    std::optional<Segment> before;  // where the frame opens a segment: the one that ends
  };
  /// The place of the next frame, taken from what was reserved. \pre reserved
  [[nodiscard]] Placement place(std::size_t payload_bytes);

 private:
  /// The size of the segment that is lacking for the closed group and then `open_need`; none where all fits.
  [[nodiscard]] std::optional<std::uint64_t> lacking(std::uint64_t open_need) const;

  Directory& directory_;
  LedgerUuid ledger_;
  std::uint64_t segment_bytes_;
  std::uint32_t last_number_;  // of all segments; the decide side's

  std::mutex mutex_;  // guards all below, but for the current file, which is the sync side's
  Segment current_;
  std::deque<Segment> ahead_;
  std::uint64_t open_need_ = 0;    // bytes of the open group's frame, at most
  std::uint64_t closed_need_ = 0;  // of the group that is closed and not placed yet, if there is one
};

}  // namespace holdfast::journal
