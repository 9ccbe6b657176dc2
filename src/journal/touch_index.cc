#include "journal/touch_index.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.h"
#include "base/probe.h"

namespace holdfast::journal {
namespace {

/// Segments kept in memory beside the growing one, where index files cannot be had.
constexpr std::size_t kInMemory = 5;
constexpr std::size_t kOpenings = 4'096;

std::string file_name(std::uint32_t segment) {
  return fmt::format("{:06}", segment);
}

}  // namespace

TouchIndex::TouchIndex(const Log& log, Directory* directory, IndexUse use)
    : log_(log), directory_(directory), use_(use) {}

std::vector<TouchIndex::Part> TouchIndex::parts(Seq through) const {
  std::vector<Part> parts;
  Log::SegmentInfo growing{1, Seq(1), through, 0};
  for (const auto& segment : log_.sealed_segments()) {
    if (segment.first > through) break;
    if (segment.last < segment.first) continue;
    parts.push_back({segment, true});
    growing.number = segment.number + 1;
    growing.first = segment.last.next();
  }
  if (growing.first <= through) parts.push_back({growing, false});
  return parts;
}

Result<TouchIndex::Found> TouchIndex::find(AccountId account, Seq after, Seq through, std::size_t limit) {
  const auto all = parts(through);
  Found found;
  const auto summed = sum_before(all, account, after, found.before);
  if (!summed) return std::unexpected(summed.error());
  for (const auto& part : all) {
    if (part.info.last <= *summed) continue;
    const auto from = after < part.info.first ? 0 : after.value() + 1 - part.info.first.value();
    const auto slice = find_in(part, account, from, limit - found.items.size());
    if (!slice) return std::unexpected(slice.error());
    if (found.items.empty()) found.before += slice->before;
    for (const auto& touch : slice->touches) {
      const Seq seq(part.info.first.value() + touch.offset);
      if (seq <= through) found.items.push_back({seq, touch.change});
    }
    if (found.items.size() == limit) break;
  }
  return found;
}

Result<Seq> TouchIndex::sum_before(const std::vector<Part>& parts, AccountId account, Seq after,
                                   Change& sum) {
  Opening opening;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = openings_.find(account);
        known != openings_.end() && known->second.through <= after) {
      opening = known->second;
    }
  }
  for (const auto& part : parts) {
    if (!part.sealed || part.info.last > after) break;
    if (part.info.last <= opening.through) continue;
    const auto slice = find_in(part, account, part.info.last.value() - part.info.first.value() + 1, 0);
    if (!slice) return std::unexpected(slice.error());
    opening.change += slice->before;
    opening.through = part.info.last;
  }
  sum = opening.change;
  const std::lock_guard lock(mutex_);
  if (openings_.size() >= kOpenings) openings_.clear();
  openings_[account] = opening;
  return opening.through;
}

Result<TouchSlice> TouchIndex::find_in(const Part& part, AccountId account, std::uint64_t from,
                                       std::size_t limit) {
  // Once as it is, once built anew.
  for (int attempt = 0; attempt < 2 && part.sealed && directory_ != nullptr; ++attempt) {
    if (const auto pages = open_index(part.info)) {
      auto slice = find_touches(**pages, account, from, limit);
      if (slice) {
        reached(Probe::index_read);
        return slice;
      }
      reached(Probe::index_bad);
    }
    {
      const std::lock_guard lock(mutex_);
      good_.erase(part.info.number);
    }
    if (attempt == 0 && (use_ == IndexUse::read || !build(part.info))) break;
  }
  const auto touches = in_memory(part.info);
  if (auto extended = touches->extend(log_, part.info.last); !extended)
    return std::unexpected(extended.error());
  return touches->find(account, from, limit);
}

std::shared_ptr<SegmentTouches> TouchIndex::in_memory(const Log::SegmentInfo& segment) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(in_memory_, segment.first, &InMemory::first);
  if (known != in_memory_.end()) {
    in_memory_.splice(in_memory_.begin(), in_memory_, known);
  } else {
    in_memory_.push_front({segment.first, std::make_shared<SegmentTouches>(segment.number, segment.first)});
    if (in_memory_.size() > kInMemory) in_memory_.pop_back();
  }
  return in_memory_.front().touches;
}

Result<std::unique_ptr<FilePages>> TouchIndex::open_index(const Log::SegmentInfo& segment) const {
  auto file = directory_->open(file_name(segment.number), OpenMode::read);
  if (!file) return std::unexpected(to_error(file.error()));
  auto pages = FilePages::open(std::move(*file));
  if (!pages) {
    reached(Probe::index_bad);
    return pages;
  }
  const auto& header = (*pages)->header();
  if (header.segment != segment.number || header.first != segment.first || header.last != segment.last) {
    return fail(ErrorCode::corrupt, "an index of another segment");
  }
  return pages;
}

Result<void> TouchIndex::build(const Log::SegmentInfo& segment) {
  const std::lock_guard one_at_a_time(build_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (good_.contains(segment.number)) return {};  // another caller built it meanwhile
  }
  const auto touches = in_memory(segment);
  if (auto extended = touches->extend(log_, segment.last); !extended) return extended;

  const auto name = file_name(segment.number);
  const auto temporary = name + ".tmp";
  if (auto removed = directory_->remove(temporary); !removed && removed.error().error_number != ENOENT) {
    return std::unexpected(to_error(removed.error()));
  }
  auto file = directory_->open(temporary, OpenMode::create);
  if (!file) return std::unexpected(to_error(file.error()));
  if (auto written = write_index(segment, *touches, **file); !written) return written;
  file->reset();
  if (auto renamed = directory_->rename(temporary, name); !renamed) {
    return std::unexpected(to_error(renamed.error()));
  }
  if (auto synced = directory_->sync(); !synced) return std::unexpected(to_error(synced.error()));
  reached(Probe::index_built);
  const std::lock_guard lock(mutex_);
  good_.insert(segment.number);
  std::erase_if(in_memory_, [&](const InMemory& one) { return one.first == segment.first; });
  return {};
}

Result<void> TouchIndex::write_index(const Log::SegmentInfo& segment, SegmentTouches& touches, File& file) {
  // The header goes in last, but everything is synced before the file gets its name.
  constexpr std::size_t kWriteBytes = std::size_t{1} << 20;
  std::vector<std::byte> pending;
  std::uint64_t offset = kIndexPageBytes;
  const auto flush = [&]() -> Result<void> {
    if (auto written = write_all(file, offset, pending); !written)
      return std::unexpected(to_error(written.error()));
    offset += pending.size();
    pending.clear();
    return {};
  };
  TouchPacker packer(segment.number, [&](const IndexPage& page) -> Result<void> {
    pending.insert(pending.end(), page.begin(), page.end());
    if (pending.size() < kWriteBytes) return {};
    return flush();
  });
  if (auto packed = touches.pack(packer); !packed) return packed;
  if (auto flushed = flush(); !flushed) return flushed;

  const IndexHeader header{segment.number, segment.first, segment.last, packer.pages(), packer.touches()};
  IndexPage page{};
  encode_index_header(header, page);
  if (auto written = write_all(file, 0, page); !written) return std::unexpected(to_error(written.error()));
  if (auto synced = file.sync(); !synced) return std::unexpected(to_error(synced.error()));
  return {};
}

Result<bool> TouchIndex::build_next() {
  if (directory_ == nullptr || use_ == IndexUse::read) return false;
  for (const auto& segment : log_.sealed_segments()) {
    if (segment.last < segment.first) continue;
    {
      const std::lock_guard lock(mutex_);
      if (good_.contains(segment.number)) continue;
    }
    if (open_index(segment)) {
      const std::lock_guard lock(mutex_);
      good_.insert(segment.number);
      continue;
    }
    if (auto built = build(segment); !built) return std::unexpected(built.error());
    return true;
  }
  return false;
}

}  // namespace holdfast::journal
