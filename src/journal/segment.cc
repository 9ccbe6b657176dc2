#include "journal/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ranges>

#include "base/planted_bugs.h"
#include "base/probe.h"
#include "journal/fixed_fields.h"
#include "journal/segment_reader.h"

namespace holdfast::journal {
namespace {

using Magic = std::array<char, 8>;
constexpr Magic kMagic = {'H', 'O', 'L', 'D', 'F', 'A', 'S', 'T'};
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kNumberAt = 12;
constexpr std::size_t kLedgerAt = 16;
constexpr std::size_t kDigestAt = 32;
constexpr std::size_t kUsedBytes = 64;
constexpr std::size_t kNameDigits = 6;
constexpr std::size_t kLookBytes = 3 * kFrameAlignment;  // a header and two frames' headers

/// True: the header is good and ours. False: it is damaged.
Result<bool> check_header(std::span<const std::byte> page, const LedgerUuid& ledger, std::uint32_t number,
                          const std::string& path) {
  if (page.size() < kSegmentHeaderBytes || get_field<Magic>(page, 0) != kMagic) return false;
  if (get_field<Digest>(page, kDigestAt) != sha256(page.first(kDigestAt))) return false;
  if (const auto version = get_field<std::uint32_t>(page, kVersionAt); version != kFormatVersion) {
    return fail(ErrorCode::newer_format,
                fmt::format("{} has format version {}; this program knows {}: use a newer one", path, version,
                            kFormatVersion));
  }
  if (get_field<LedgerUuid>(page, kLedgerAt) != ledger) {
    return fail(ErrorCode::corrupt, path + " belongs to another ledger: put the right file back");
  }
  if (const auto is = get_field<std::uint32_t>(page, kNumberAt); is != number) {
    return fail(ErrorCode::corrupt,
                fmt::format("{} is segment {} under a wrong name: put the right file back", path, is));
  }
  return all_zero(page.subspan(kUsedBytes));
}

std::unexpected<Error> damaged_header(const Directory& directory, std::uint32_t number) {
  return fail(ErrorCode::corrupt,
              fmt::format("{} at byte 0: the segment's header is damaged; restore from a backup",
                          segment_path(directory, number)));
}

Result<FoundSegment> look_at(Directory& directory, const LedgerUuid& ledger, std::uint32_t number) {
  FoundSegment found{.number = number, .size = 0, .header_good = false, .first = {}, .next_escrow = {}};
  auto reader = SegmentReader::open(directory, number, kLookBytes);
  if (!reader) return std::unexpected(reader.error());
  found.size = reader->size();
  auto page = reader->bytes(0, kSegmentHeaderBytes);
  if (!page) return std::unexpected(page.error());
  auto good = check_header(*page, ledger, number, reader->path());
  if (!good) return std::unexpected(good.error());
  found.header_good = *good;

  auto first = reader->header(kSegmentHeaderBytes);
  if (!first) return std::unexpected(first.error());
  if (!*first) return found;
  found.first = **first;
  found.next_escrow = found.first->next_escrow;
  if (found.first->is_seal()) {
    auto second = reader->header(kSegmentHeaderBytes + frame_bytes(0));
    if (!second) return std::unexpected(second.error());
    found.next_escrow = *second ? (*second)->next_escrow : EscrowId();
  }
  return found;
}

/// Of the segments that seem to have frames, forgets torn first frames from the end on.
Result<void> forget_torn(Directory& directory, std::vector<FoundSegment>& segments, FrameChecker& checker) {
  for (auto& segment : segments | std::views::reverse) {
    if (!segment.first) continue;
    auto reader = SegmentReader::open(directory, segment.number);
    if (!reader) return std::unexpected(reader.error());
    auto frame = reader->frame(kSegmentHeaderBytes, checker);
    if (!frame) return std::unexpected(frame.error());
    if (frame->state == FrameState::good) break;
    segment.first.reset();
  }
  return {};
}

Result<std::vector<std::uint32_t>> list_numbers(const Directory& directory, std::uint32_t last) {
  auto names = directory.list();
  if (!names) return std::unexpected(to_error(names.error()));
  std::vector<std::uint32_t> numbers;
  for (const auto& name : *names) {
    if (const auto number = segment_number(name); number && *number <= last) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  if (numbers.empty()) {
    return fail(ErrorCode::corrupt,
                fmt::format("{} has no segment: put the journal's files back", directory.path()));
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == i + 1) continue;
    return fail(ErrorCode::corrupt, fmt::format("{} is missing, though later segments are there: put it back",
                                                segment_path(directory, static_cast<std::uint32_t>(i + 1))));
  }
  return numbers;
}

IoResult<std::unique_ptr<File>> fill_segment(Directory& directory, const LedgerUuid& ledger,
                                             std::uint32_t number, std::uint64_t bytes) {
  const auto name = segment_name(number);
  auto file = directory.open(name, OpenMode::create);
  if (!file && file.error().error_number == EEXIST) {
    // Left by a try that failed: recovery and this function are the only ones to make segments.
    if (auto removed = directory.remove(name); !removed) return std::unexpected(removed.error());
    file = directory.open(name, OpenMode::create);
  }
  if (!file) return file;
  if (auto taken = (*file)->allocate(bytes); !taken) return std::unexpected(taken.error());
  if (auto written = write_all(**file, 0, encode_segment_header(ledger, number)); !written) {
    return std::unexpected(written.error());
  }
  if (auto synced = (*file)->sync(); !synced) return std::unexpected(synced.error());
  if (planted(PlantedBug::forget_directory_sync)) return file;
  if (auto synced = directory.sync(); !synced) return std::unexpected(synced.error());
  return file;
}

}  // namespace

std::string segment_name(std::uint32_t number) {
  return fmt::format("{:06}", number);
}

std::optional<std::uint32_t> segment_number(std::string_view name) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || name.size() < kNameDigits) return {};
  if (number == 0 || segment_name(number) != name) return {};
  return number;
}

std::string segment_path(const Directory& directory, std::uint32_t number) {
  return fmt::format("{}/{}", directory.path(), segment_name(number));
}

Bytes encode_segment_header(const LedgerUuid& ledger, std::uint32_t number, std::uint32_t version) {
  Bytes page(kSegmentHeaderBytes);
  put_field(page, 0, kMagic);
  put_field(page, kVersionAt, version);
  put_field(page, kNumberAt, number);
  put_field(page, kLedgerAt, ledger);
  put_field(page, kDigestAt, sha256(std::span(page).first(kDigestAt)));
  return page;
}

Result<void> check_segment_header(Directory& directory, const LedgerUuid& ledger, std::uint32_t number) {
  auto reader = SegmentReader::open(directory, number, kLookBytes);
  if (!reader) return std::unexpected(reader.error());
  const auto page = reader->bytes(0, kSegmentHeaderBytes);
  if (!page) return std::unexpected(page.error());
  const auto good = check_header(*page, ledger, number, reader->path());
  if (!good) return std::unexpected(good.error());
  if (!*good) return damaged_header(directory, number);
  return {};
}

IoResult<std::unique_ptr<File>> make_segment(Directory& directory, const LedgerUuid& ledger,
                                             std::uint32_t number, std::uint64_t bytes) {
  auto file = fill_segment(directory, ledger, number, bytes);
  if (file) return file;
  reached(Probe::segment_given_up);
  // Gives its space back. Where this fails too, the next try or recovery removes it.
  const auto removed = directory.remove(segment_name(number));
  if (!removed && removed.error().error_number != ENOENT) return std::unexpected(removed.error());
  return file;
}

Result<std::vector<FoundSegment>> find_segments(Directory& directory, const LedgerUuid& ledger,
                                                std::uint32_t last, FrameChecker& checker) {
  auto numbers = list_numbers(directory, last);
  if (!numbers) return std::unexpected(numbers.error());
  std::vector<FoundSegment> segments;
  segments.reserve(numbers->size());
  for (const auto number : *numbers) {
    auto found = look_at(directory, ledger, number);
    if (!found) return std::unexpected(found.error());
    segments.push_back(*found);
  }
  if (auto done = forget_torn(directory, segments, checker); !done) return std::unexpected(done.error());

  bool must_be_good = false;  // frames are in it or after it
  for (const auto& segment : segments | std::views::reverse) {
    must_be_good = must_be_good || segment.first || segment.number == 1;
    if (!must_be_good || segment.header_good) continue;
    return damaged_header(directory, segment.number);
  }
  return segments;
}

}  // namespace holdfast::journal
