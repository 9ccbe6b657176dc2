#include "journal/touch_pages.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <tuple>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace holdfast::journal {
namespace {

constexpr std::uint64_t kMagic = 0x7864'6e69'646c'6f68;  // "holdindx"
constexpr std::uint32_t kIndexVersion = 1;

// A page: checksum (of all behind it), segment, number, first account, first offset, the two sums before,
// bytes of entries; then the entries. The first entry's account and offset stand in the head.
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kPageHeadBytes = 44;
constexpr std::size_t kEntrySpace = kIndexPageBytes - kPageHeadBytes;

struct PageHead {
  std::uint32_t segment = 0;
  std::uint32_t number = 0;
  AccountId account;
  std::uint32_t offset = 0;
  Change before;
  std::uint32_t entry_bytes = 0;
};

std::uint64_t checksum(const IndexPage& page) {
  return stable_hash(
      {reinterpret_cast<const char*>(page.data()) + kChecksumBytes, kIndexPageBytes - kChecksumBytes});
}

void put(IndexPage& page, std::size_t at, std::uint64_t value, std::size_t width) {
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(page.data() + at, &value, width);
}

std::uint64_t get(const IndexPage& page, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  std::memcpy(&value, page.data() + at, width);
  return value;
}

Amount get_amount(const IndexPage& page, std::size_t at) {
  return Amount(static_cast<std::int64_t>(get(page, at, 8)));
}

std::uint64_t bits(Amount amount) {
  return static_cast<std::uint64_t>(amount.minor());
}

PageHead head_of(const IndexPage& page) {
  PageHead head;
  head.segment = static_cast<std::uint32_t>(get(page, 8, 4));
  head.number = static_cast<std::uint32_t>(get(page, 12, 4));
  head.account = AccountId(static_cast<std::uint32_t>(get(page, 16, 4)));
  head.offset = static_cast<std::uint32_t>(get(page, 20, 4));
  head.before = {get_amount(page, 24), get_amount(page, 32)};
  head.entry_bytes = static_cast<std::uint32_t>(get(page, 40, 4));
  return head;
}

/// Reads the entry at `position`, given the one before it; a page's first entry takes its account and offset
/// from the head. False where the entries end or do not decode.
bool next_entry(const IndexPage& page, const PageHead& head, std::size_t& position, Touch& touch) {
  if (position >= head.entry_bytes) return false;
  ByteReader reader(
      std::span<const std::byte>(page).subspan(kPageHeadBytes + position, head.entry_bytes - position));
  if (position == 0) {
    touch.account = head.account;
    touch.offset = head.offset;
  } else if (const auto step = reader.varint(); step != 0) {
    touch.offset += static_cast<std::uint32_t>(step);
  } else {
    touch.account = AccountId(touch.account.value() + static_cast<std::uint32_t>(reader.varint()));
    touch.offset = static_cast<std::uint32_t>(reader.varint());
  }
  touch.change = {Amount(reader.zigzag()), Amount(reader.zigzag())};
  position += reader.position();
  return reader.ok();
}

}  // namespace

TouchPacker::TouchPacker(std::uint32_t segment, Emit emit) : segment_(segment), emit_(std::move(emit)) {
  entries_.reserve(kEntrySpace + 64);
}

Result<void> TouchPacker::add(const Touch& touch) {
  HOLDFAST_ASSERT(
      touches_ == 0 || std::tie(last_.account, last_.offset) < std::tie(touch.account, touch.offset),
      "touches are packed in order");
  const auto room_before = entries_.size();
  ByteWriter writer(entries_);
  if (room_before != 0) {
    if (touch.account == last_.account) {
      writer.varint(touch.offset - last_.offset);
    } else {
      writer.varint(0);
      writer.varint(touch.account.value() - last_.account.value());
      writer.varint(touch.offset);
    }
  }
  writer.zigzag(touch.change.available.minor());
  writer.zigzag(touch.change.held.minor());
  if (entries_.size() > kEntrySpace) {
    entries_.resize(room_before);
    if (auto emitted = emit_page(); !emitted) return emitted;
    return add(touch);
  }
  if (touches_ == 0 || touch.account != last_.account) sum_ = {};
  if (room_before == 0) start_page(touch);
  sum_ += touch.change;
  last_ = touch;
  ++touches_;
  return {};
}

void TouchPacker::start_page(const Touch& touch) {
  page_.fill(std::byte{0});
  put(page_, 8, segment_, 4);
  put(page_, 12, pages_ + 1, 4);
  put(page_, 16, touch.account.value(), 4);
  put(page_, 20, touch.offset, 4);
  put(page_, 24, bits(sum_.available), 8);
  put(page_, 32, bits(sum_.held), 8);
}

Result<void> TouchPacker::emit_page() {
  put(page_, 40, entries_.size(), 4);
  std::ranges::copy(entries_, page_.begin() + kPageHeadBytes);
  put(page_, 0, checksum(page_), 8);
  ++pages_;
  entries_.clear();
  return emit_(page_);
}

Result<void> TouchPacker::finish() {
  if (entries_.empty()) return {};
  return emit_page();
}

Result<void> MemoryPages::read(std::uint32_t number, IndexPage& into) const {
  into = pages_[number - 1];
  return {};
}

void encode_index_header(const IndexHeader& header, IndexPage& into) {
  into.fill(std::byte{0});
  put(into, 8, kMagic, 8);
  put(into, 16, kIndexVersion, 4);
  put(into, 20, header.segment, 4);
  put(into, 24, header.first.value(), 8);
  put(into, 32, header.last.value(), 8);
  put(into, 40, header.touches, 8);
  put(into, 48, header.pages, 4);
  put(into, 0, checksum(into), 8);
}

FilePages::FilePages(std::unique_ptr<File> file, const IndexHeader& header)
    : file_(std::move(file)), header_(header) {}

Result<std::unique_ptr<FilePages>> FilePages::open(std::unique_ptr<File> file) {
  IndexPage page{};
  const auto got = read_all(*file, 0, page);
  if (!got) return std::unexpected(to_error(got.error()));
  if (*got != kIndexPageBytes || get(page, 8, 8) != kMagic || get(page, 0, 8) != checksum(page)) {
    return fail(ErrorCode::corrupt, "not an index file, or its first page is damaged");
  }
  if (const auto version = get(page, 16, 4); version != kIndexVersion) {
    return fail(ErrorCode::newer_format,
                fmt::format("an index of version {}; this program reads {}", version, kIndexVersion));
  }
  IndexHeader header;
  header.segment = static_cast<std::uint32_t>(get(page, 20, 4));
  header.first = Seq(get(page, 24, 8));
  header.last = Seq(get(page, 32, 8));
  header.touches = get(page, 40, 8);
  header.pages = static_cast<std::uint32_t>(get(page, 48, 4));
  const auto size = file->size();
  if (!size) return std::unexpected(to_error(size.error()));
  if (*size != (std::uint64_t{header.pages} + 1) * kIndexPageBytes) {
    return fail(ErrorCode::corrupt, fmt::format("an index of {} pages has {} bytes", header.pages, *size));
  }
  return std::unique_ptr<FilePages>(new FilePages(std::move(file), header));
}

Result<void> FilePages::read(std::uint32_t number, IndexPage& into) const {
  const auto got = read_all(*file_, std::uint64_t{number} * kIndexPageBytes, into);
  if (!got) return std::unexpected(to_error(got.error()));
  const auto head = head_of(into);
  if (*got != kIndexPageBytes || get(into, 0, 8) != checksum(into) || head.segment != header_.segment ||
      head.number != number || head.entry_bytes > kEntrySpace) {
    return fail(ErrorCode::corrupt, fmt::format("index page {} is damaged", number));
  }
  return {};
}

Result<TouchSlice> find_touches(const PageSource& source, AccountId account, std::uint64_t from,
                                std::size_t limit) {
  IndexPage page{};
  // The last page that begins at or before (account, from); the account's touches can begin no earlier.
  std::uint32_t low = 1;
  std::uint32_t high = source.pages();
  while (low < high) {
    const auto middle = low + (high - low + 1) / 2;
    if (auto read = source.read(middle, page); !read) return std::unexpected(read.error());
    const auto head = head_of(page);
    const auto after = head.account > account || (head.account == account && head.offset > from);
    (after ? high : low) = after ? middle - 1 : middle;
  }
  TouchSlice slice;
  for (auto number = low; number <= source.pages(); ++number) {
    if (auto read = source.read(number, page); !read) return std::unexpected(read.error());
    const auto head = head_of(page);
    if (head.account > account) break;
    if (number == low && head.account == account) slice.before = head.before;
    Touch touch;
    std::size_t position = 0;
    while (next_entry(page, head, position, touch)) {
      if (touch.account < account) continue;
      if (touch.account > account) return slice;
      if (touch.offset < from) {
        slice.before += touch.change;
      } else if (slice.touches.size() == limit) {
        return slice;
      } else {
        slice.touches.push_back(touch);
      }
    }
  }
  return slice;
}

Result<bool> TouchStream::next(Touch& out) {
  while (number_ == 0 || !next_entry(page_, head_of(page_), position_, last_)) {
    if (number_ == source_->pages()) return false;
    if (auto read = source_->read(++number_, page_); !read) return std::unexpected(read.error());
    position_ = 0;
  }
  out = last_;
  return true;
}

}  // namespace holdfast::journal
