// Goes through the journal frame by frame, across segments, and checks that each continues the one before.
// Finds where the journal ends; whether it may end there, `judge_end` says. docs/journal_format.md,
// "Recovery".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "journal/segment.h"
#include "journal/segment_reader.h"

namespace holdfast::journal {

/// A segment and the first seq of its first frame; none where it has no frame that counts.
struct WalkSegment {
  std::uint32_t number = 0;
  Seq first;
};
[[nodiscard]] std::vector<WalkSegment> walk_segments(const std::vector<FoundSegment>& found);

struct Step {
  enum class Kind : std::uint8_t {
    frame,    // a good frame that continues the journal
    skipped,  // a frame before those asked for: only its header was read
    done,     // the limit was reached
    end,      // no good frame is here, and no later segment begins with one
  };
  Kind kind = Kind::end;
  Position place;
  FrameHeader header;                // frame, skipped
  std::span<const std::byte> bytes;  // frame: all of it, until the next call
  Digest head{};                     // frame: the hash behind it
  std::span<const Digest> hashes;    // frame: the hash at each event, until the next call
  const char* problem = nullptr;     // end: what is there instead
  Position blame;                    // end: where the problem is: here, or the next segment's first frame
};

class Walk {
 public:
  struct Options {
    Seq from = Seq(1);  // the first event asked for: frames that end before it are skipped
    Seq limit = Seq(~std::uint64_t{0});
  };

  Walk(Directory& directory, std::vector<WalkSegment> segments, Options options);
  /// Begins at a frame's place, instead of at the first frame of the segment that has `from`.
  void start_at(Position place, Seq first);

  /// `corrupt` for a frame that does not continue, or none where a later segment goes on.
  [[nodiscard]] Result<Step> next();

  /// Where the next step begins, the seq expected there, and the hash (none while frames are skipped).
  [[nodiscard]] Position place() const { return {segments_[index_].number, offset_}; }
  [[nodiscard]] Seq expected() const { return expected_; }
  [[nodiscard]] const std::optional<Digest>& head() const { return head_; }

 private:
  [[nodiscard]] std::optional<std::size_t> next_used() const;
  [[nodiscard]] Result<void> open_segment();
  [[nodiscard]] Result<bool> skip(Step& step);
  [[nodiscard]] Result<Step> read();
  [[nodiscard]] Result<Step> ended(const FoundFrame& found);

  Directory& directory_;
  std::vector<WalkSegment> segments_;
  Options options_;
  FrameChecker checker_;
  std::optional<SegmentReader> reader_;
  std::size_t index_ = 0;
  std::uint64_t offset_ = kSegmentHeaderBytes;
  Seq expected_ = Seq(1);
  std::optional<Digest> head_;
  bool skipping_ = true;
};

/// Gives the events with seq > `after` of a frame's step to `sink`. `scratch` is reused.
[[nodiscard]] Result<void> deliver(const Step& step, const std::string& path, Seq after,
                                   const EventSink& sink, Event& scratch);

/// `corrupt` at a place of the journal. \param good  the last seq that is right
[[nodiscard]] std::unexpected<Error> corrupt_at(const std::string& path, std::uint64_t offset,
                                                std::string_view problem, Seq good);

/// What lies after the end that a walk found.
struct Ending {
  bool clean = true;       // only zeros to the end of the segment
  std::uint64_t size = 0;  // of the segment
};
/// Decides whether the journal may end at `step` (of kind `end`): `corrupt` where something shows that more
/// was durable.
/// \param bound  the last seq known to have been durable
[[nodiscard]] Result<Ending> judge_end(Directory& directory, const std::vector<FoundSegment>& segments,
                                       const Step& step, Seq expected, Seq bound);

}  // namespace holdfast::journal
