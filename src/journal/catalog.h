// Which segment and roughly which offset has an event or a hold: for each segment a sparse table of frames,
// in memory.
//
// Thread-safe. The tables of segments that recovery did not read are built when first asked for.
#pragma once

#include <cstdint>
#include <map>
#include <shared_mutex>
#include <vector>

#include "journal/frame.h"
#include "journal/segment.h"
#include "journal/walk.h"

namespace holdfast::journal {

class Catalog {
 public:
  /// \param segments  all that were found; those that the walk reads are given again by `add`
  /// \param read_from  the first segment that is read
  Catalog(const std::vector<FoundSegment>& segments, std::uint32_t read_from);

  /// The next frame of the journal.
  void add(Position place, const FrameHeader& header);

  /// For a walk over all that is there.
  [[nodiscard]] std::vector<WalkSegment> walk_segments() const;
  [[nodiscard]] std::vector<Log::SegmentInfo> sealed() const;

  /// A frame with events, at or before the one looked for, in the same segment.
  struct Start {
    Position place;
    Seq first;  // of the frame there
    Seq last;   // of the segment
  };
  /// \pre 1 <= seq <= durable
  [[nodiscard]] Result<Start> find(Directory& directory, Seq seq, Seq durable) const;
  /// \pre some event's escrow ids reach `escrow`
  [[nodiscard]] Result<Start> find_hold(Directory& directory, EscrowId escrow, Seq durable) const;

 private:
  struct Mark {
    Seq first;
    EscrowId next_escrow;
    std::uint64_t offset = 0;
  };
  struct Segment {
    std::uint32_t number = 0;
    Seq first;
    EscrowId next_escrow;  // of its first frame with events; none where it has none
    std::uint64_t bytes = 0;
    bool has_table = false;
    std::vector<Mark> table;
  };

  static void note(std::vector<Mark>& table, std::uint64_t offset, const FrameHeader& header);
  /// The segment's last seq. \pre the lock is held
  [[nodiscard]] Seq last_of(std::size_t index, Seq durable) const;
  [[nodiscard]] Result<std::vector<Mark>> build(Directory& directory, std::uint32_t number, Seq first,
                                                Seq last) const;
  template <class Before>
  [[nodiscard]] Result<Start> find_in(Directory& directory, std::size_t index, Seq durable,
                                      Before before) const;

  mutable std::shared_mutex mutex_;
  mutable std::vector<Segment> segments_;  // with a frame that counts, in order; only grows
};

}  // namespace holdfast::journal
