// Finds frames by what their headers say, from the marks of the catalog on. Keeps the segment open and its
// place between two searches, so that those which go forward read nothing twice. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "journal/catalog.h"
#include "journal/segment_reader.h"
#include "journal/walk.h"

namespace holdfast::journal {

class FrameSearch {
 public:
  explicit FrameSearch(Directory& directory) : directory_(directory) {}

  /// The last frame with events whose header `reaches`, checked; at or behind `start` and behind the one
  /// found before. None: that was the one found before.
  /// \param reaches  of a frame's header: true up to some frame, false from there on
  template <class Reaches>
  [[nodiscard]] Result<std::optional<Step>> find(const Catalog::Start& start, Reaches reaches);
  [[nodiscard]] const std::string& path() const { return reader_->path(); }

 private:
  [[nodiscard]] Result<void> move_to(const Catalog::Start& start);
  [[nodiscard]] Result<Step> read(std::uint64_t offset, Seq first);

  Directory& directory_;
  FrameChecker checker_;
  std::optional<SegmentReader> reader_;
  std::uint32_t segment_ = 0;
  std::uint64_t offset_ = 0;
  Seq expected_;
};

template <class Reaches>
Result<std::optional<Step>> FrameSearch::find(const Catalog::Start& start, Reaches reaches) {
  if (auto moved = move_to(start); !moved) return std::unexpected(std::move(moved.error()));
  std::optional<std::uint64_t> chosen;
  Seq first;
  auto offset = offset_;
  for (auto expected = expected_; expected <= start.last;) {
    auto header = reader_->header(offset);
    if (!header) return std::unexpected(std::move(header.error()));
    if (!*header || (*header)->first != expected) {
      return corrupt_at(reader_->path(), offset, "no frame is here that continues the journal",
                        Seq(expected.value() - 1));
    }
    if (!(*header)->is_seal()) {
      if (!reaches(**header)) break;
      chosen = offset;
      first = expected;
    }
    expected = (*header)->last().next();
    offset += frame_bytes((*header)->payload_bytes);
  }
  if (!chosen) return std::optional<Step>();
  auto step = read(*chosen, first);
  if (!step) return std::unexpected(std::move(step.error()));
  return std::optional(*step);
}

}  // namespace holdfast::journal
