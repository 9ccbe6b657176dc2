// Which events touch an account, over the whole journal: one index file for each sealed segment, memory for
// the rest.
//
// Index files are only an optimisation. One that is missing or damaged is made again from its segment, when
// it is first asked for or when `build_next` comes to it; where it cannot be written, memory does.
// Thread-safe.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <set>

#include "journal/log.h"
#include "journal/segment_touches.h"

namespace holdfast::journal {

/// `read`: index files are used where they are good, and never written (a reader beside a writing process).
enum class IndexUse : std::uint8_t { build, read };

class TouchIndex {
 public:
  /// \param directory  nullptr: segments are read instead
  TouchIndex(const Log& log, Directory* directory, IndexUse use);

  struct Found {
    Change before;  // the balance before the first of them
    struct Item {
      Seq seq;
      Change change;
    };
    std::vector<Item> items;
  };
  /// Touches of an account with after < seq <= through, the oldest first. \pre `through` is durable
  [[nodiscard]] Result<Found> find(AccountId account, Seq after, Seq through, std::size_t limit);

  /// Makes one index that is missing or damaged in its first page; false where there is none.
  [[nodiscard]] Result<bool> build_next();

 private:
  struct Part {
    Log::SegmentInfo info;
    bool sealed = false;
  };
  /// Segments up to `through`; the last may be growing.
  [[nodiscard]] std::vector<Part> parts(Seq through) const;
  [[nodiscard]] Result<TouchSlice> find_in(const Part& part, AccountId account, std::uint64_t from,
                                           std::size_t limit);
  /// Sums the sealed segments that end at or before `after`. \returns the seq summed through
  [[nodiscard]] Result<Seq> sum_before(const std::vector<Part>& parts, AccountId account, Seq after,
                                       Change& sum);

  [[nodiscard]] Result<std::unique_ptr<FilePages>> open_index(const Log::SegmentInfo& segment) const;
  [[nodiscard]] Result<void> build(const Log::SegmentInfo& segment);
  [[nodiscard]] Result<void> write_index(const Log::SegmentInfo& segment, SegmentTouches& touches,
                                         File& file);
  /// The segment's touches in memory, as far as they are known.
  [[nodiscard]] std::shared_ptr<SegmentTouches> in_memory(const Log::SegmentInfo& segment);

  const Log& log_;
  Directory* directory_;
  IndexUse use_;

  std::mutex build_mutex_;  // one index is built at a time; taken before mutex_
  std::mutex mutex_;        // all below
  std::set<std::uint32_t> good_;
  struct InMemory {
    Seq first;
    std::shared_ptr<SegmentTouches> touches;
  };
  std::list<InMemory> in_memory_;  // the one used last in front
  struct Opening {
    Seq through;  // the last seq of a sealed segment
    Change change;
  };
  std::map<AccountId, Opening> openings_;
};

}  // namespace holdfast::journal
