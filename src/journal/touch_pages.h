// The form of an index: which events touch an account, and by how much, packed into pages of 4 KiB that are
// searched by account and event. The same pages serve in memory and on disk; docs/index_format.md gives
// every byte.
//
// An index says nothing that the journal does not: it is never trusted further than its checksums, and is
// made again from the journal wherever one fails.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "holdfast/ids.h"
#include "holdfast/money.h"

namespace holdfast::journal {

/// What happened to the two buckets of an account, signed.
struct Change {
  Amount available;
  Amount held;

  Change& operator+=(const Change& other) {
    available += other.available;
    held += other.held;
    return *this;
  }
  friend bool operator==(const Change&, const Change&) = default;
};

/// One event that touches one account. A touch without a posting (a freeze, under its payer) changes nothing.
struct Touch {
  AccountId account;
  std::uint32_t offset = 0;  // of the event's seq from the first of its segment
  Change change;

  friend bool operator==(const Touch&, const Touch&) = default;
};

inline constexpr std::size_t kIndexPageBytes = 4096;
using IndexPage = std::array<std::byte, kIndexPageBytes>;

/// Packs touches into pages, each with the sum of what its first account saw before it, so that a balance
/// anywhere costs one page.
class TouchPacker {
 public:
  using Emit = std::function<Result<void>(const IndexPage&)>;
  TouchPacker(std::uint32_t segment, Emit emit);

  /// \pre touches come in ascending order of account, then offset, none twice
  [[nodiscard]] Result<void> add(const Touch& touch);
  /// Emits the last page.
  [[nodiscard]] Result<void> finish();

  [[nodiscard]] std::uint32_t pages() const { return pages_; }
  [[nodiscard]] std::uint64_t touches() const { return touches_; }

 private:
  void start_page(const Touch& touch);
  [[nodiscard]] Result<void> emit_page();

  std::uint32_t segment_;
  Emit emit_;
  IndexPage page_{};
  std::vector<std::byte> entries_;
  Touch last_;
  Change sum_;  // of the last account, through its last touch
  std::uint32_t pages_ = 0;
  std::uint64_t touches_ = 0;
};

/// Where pages are read from, numbered from 1. `read` fails with `corrupt` on a page that is not what was
/// written.
class PageSource {
 public:
  virtual ~PageSource() = default;
  [[nodiscard]] virtual std::uint32_t pages() const = 0;
  [[nodiscard]] virtual Result<void> read(std::uint32_t number, IndexPage& into) const = 0;
};

class MemoryPages final : public PageSource {
 public:
  void append(const IndexPage& page) { pages_.push_back(page); }
  [[nodiscard]] std::uint32_t pages() const override { return static_cast<std::uint32_t>(pages_.size()); }
  [[nodiscard]] Result<void> read(std::uint32_t number, IndexPage& into) const override;

 private:
  std::vector<IndexPage> pages_;
};

/// What the first page of an index file says.
struct IndexHeader {
  std::uint32_t segment = 0;
  Seq first;
  Seq last;
  std::uint32_t pages = 0;  // those with touches
  std::uint64_t touches = 0;

  friend bool operator==(const IndexHeader&, const IndexHeader&) = default;
};
void encode_index_header(const IndexHeader& header, IndexPage& into);

class FilePages final : public PageSource {
 public:
  /// `corrupt` where the file is no index, is cut short, or is longer than it says; `newer_format` where a
  /// later version wrote it.
  [[nodiscard]] static Result<std::unique_ptr<FilePages>> open(std::unique_ptr<File> file);

  [[nodiscard]] const IndexHeader& header() const { return header_; }
  [[nodiscard]] std::uint32_t pages() const override { return header_.pages; }
  [[nodiscard]] Result<void> read(std::uint32_t number, IndexPage& into) const override;

 private:
  FilePages(std::unique_ptr<File> file, const IndexHeader& header);
  std::unique_ptr<File> file_;
  IndexHeader header_;
};

/// Touches of one account with offset >= from, and what those before it sum to.
struct TouchSlice {
  Change before;
  std::vector<Touch> touches;
};
/// \param limit  touches; 0 only sums
[[nodiscard]] Result<TouchSlice> find_touches(const PageSource& source, AccountId account, std::uint64_t from,
                                              std::size_t limit);

/// All touches of a source, in its order.
class TouchStream {
 public:
  explicit TouchStream(const PageSource& source) : source_(&source) {}
  /// False at the end.
  [[nodiscard]] Result<bool> next(Touch& out);

 private:
  const PageSource* source_;
  IndexPage page_{};
  std::uint32_t number_ = 0;
  std::size_t position_ = 0;  // in the page's entries; 0: before its first
  Touch last_;
};

}  // namespace holdfast::journal
