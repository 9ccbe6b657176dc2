// Making a snapshot, a step at a time.
#include <algorithm>
#include <mutex>

#include "base/assert.h"
#include "base/planted_bugs.h"
#include "base/probe.h"
#include "journal/snapshot.h"
#include "journal/snapshot_format.h"

namespace holdfast::journal {
namespace {

/// A step of `collect` stops once it has this much, so that it takes well under a millisecond.
constexpr std::size_t kStepBytes = std::size_t{128} << 10;
/// Synced this often, so that the sync at the end does not hold up the journal's.
constexpr std::uint64_t kSyncBytes = std::uint64_t{16} << 20;
constexpr std::size_t kKeptSnapshots = 2;

struct Collected {
  Seq stamp;
  Bytes bytes;
};

std::unexpected<Error> storage_error(const IoError& error) {
  return std::unexpected(to_error(error));
}

}  // namespace

struct SnapshotWriter::Impl {
  Directory* directory = nullptr;
  LedgerUuid ledger{};
  Seq from;
  std::size_t chunks = 0;

  // the decide side
  std::size_t next_chunk = 0;

  std::mutex mutex;  // guards what is handed from `collect` to `write`
  std::vector<Collected> waiting;
  std::vector<Bytes> spare;  // memory of chunks that are written, to be used again
  bool all_collected = false;

  // the writing side
  std::vector<Collected> writing;
  std::unique_ptr<File> file;
  Bytes buffer;
  Sha256 hasher;
  Sha256 summary_hasher;
  SnapshotTrailer trailer;
  std::uint64_t written = 0;
  std::uint64_t synced = 0;
  bool ended = false;

  [[nodiscard]] std::string temp_name() const {
    return snapshot_name(from) + std::string(kSnapshotTempSuffix);
  }

  Result<void> open() {
    const auto names = directory->list();
    if (!names) return storage_error(names.error());
    for (const auto& name : *names) {
      if (!name.ends_with(kSnapshotTempSuffix)) continue;
      reached(Probe::snapshot_temporary_removed);
      if (auto removed = directory->remove(name); !removed) return storage_error(removed.error());
    }
    auto opened = directory->open(temp_name(), OpenMode::create);
    if (!opened) return storage_error(opened.error());
    file = std::move(*opened);
    put_header({.format = kSnapshotFormat,
                .chunks = static_cast<std::uint32_t>(chunks),
                .ledger = ledger,
                .from = from},
               buffer);
    summary_hasher.begin();
    summary_hasher.update(buffer);
    return {};
  }

  void add(const Collected& chunk) {
    const std::size_t begin = buffer.size();
    put_chunk_head(chunk.stamp, chunk.bytes.size(), buffer);
    buffer.insert(buffer.end(), chunk.bytes.begin(), chunk.bytes.end());
    hasher.begin();
    hasher.update(std::span(buffer).subspan(begin));
    const Digest digest = hasher.finish();
    summary_hasher.update(std::as_bytes(std::span(digest)));
    const auto bytes = std::as_bytes(std::span(digest));
    buffer.insert(buffer.end(), bytes.begin(), bytes.end());
    trailer.smallest = trailer.chunks == 0 ? chunk.stamp : std::min(trailer.smallest, chunk.stamp);
    trailer.largest = std::max(trailer.largest, chunk.stamp);
    ++trailer.chunks;
  }

  void add_trailer() {
    const std::size_t begin = buffer.size();
    put_trailer(trailer, buffer);
    summary_hasher.update(std::span(buffer).subspan(begin));
    const Digest digest = summary_hasher.finish();
    const auto bytes = std::as_bytes(std::span(digest));
    buffer.insert(buffer.end(), bytes.begin(), bytes.end());
    ended = true;
  }

  Result<void> flush() {
    if (auto done = write_all(*file, written, buffer); !done) return storage_error(done.error());
    written += buffer.size();
    buffer.clear();
    if (!ended && written - synced < kSyncBytes) return {};
    if (written == synced) return {};
    if (auto done = file->sync(); !done) return storage_error(done.error());
    synced = written;
    return {};
  }

  Result<void> publish() {
    file.reset();
    if (auto done = directory->rename(temp_name(), snapshot_name(from)); !done)
      return storage_error(done.error());
    if (auto done = directory->sync(); !done) return storage_error(done.error());
    auto names = directory->list();
    if (!names) return storage_error(names.error());
    std::erase_if(*names, [](const std::string& name) { return !parse_snapshot_name(name); });
    for (std::size_t i = 0; i + kKeptSnapshots < names->size(); ++i) {
      if (auto removed = directory->remove((*names)[i]); !removed) return storage_error(removed.error());
    }
    return {};
  }
};

SnapshotWriter::SnapshotWriter() : impl_(std::make_unique<Impl>()) {}
SnapshotWriter::~SnapshotWriter() = default;

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::begin(Directory& directory, const LedgerUuid& ledger,
                                                              const State& state) {
  HOLDFAST_ASSERT(state.applied(), "a snapshot is made of a ledger with events");
  std::unique_ptr<SnapshotWriter> writer(new SnapshotWriter());
  Impl& impl = *writer->impl_;
  impl.directory = &directory;
  impl.ledger = ledger;
  impl.from = state.applied();
  impl.chunks = state.chunk_count();
  // The first chunk is taken now: chunks that come to be from here on are missing in this snapshot, so replay
  // has to begin here.
  impl.waiting.push_back({state.applied(), {}});
  state.save_chunk(0, impl.waiting.back().bytes);
  impl.next_chunk = 1;
  return writer;
}

bool SnapshotWriter::collect(const State& state) {
  Impl& impl = *impl_;
  std::vector<Collected> step;
  std::vector<Bytes> spare;
  {
    const std::scoped_lock hold(impl.mutex);
    std::swap(spare, impl.spare);
  }
  std::size_t bytes = 0;
  while (impl.next_chunk < impl.chunks && bytes < kStepBytes) {
    step.push_back({state.applied(), {}});
    if (!spare.empty()) {
      step.back().bytes = std::move(spare.back());
      spare.pop_back();
    }
    state.save_chunk(impl.next_chunk++, step.back().bytes);
    bytes += step.back().bytes.size();
  }
  const std::scoped_lock hold(impl.mutex);
  std::ranges::move(step, std::back_inserter(impl.waiting));
  impl.all_collected = impl.next_chunk == impl.chunks;
  return !impl.all_collected;
}

Result<bool> SnapshotWriter::write(Seq durable) {
  Impl& impl = *impl_;
  bool all = false;
  {
    const std::scoped_lock hold(impl.mutex);
    std::swap(impl.writing, impl.waiting);
    all = impl.all_collected;
  }
  if (!impl.file) {
    if (auto opened = impl.open(); !opened) return std::unexpected(opened.error());
  }
  for (const auto& chunk : impl.writing) impl.add(chunk);
  {
    const std::scoped_lock hold(impl.mutex);
    for (auto& chunk : impl.writing) {
      chunk.bytes.clear();
      impl.spare.push_back(std::move(chunk.bytes));
    }
  }
  impl.writing.clear();
  if (all && !impl.ended) impl.add_trailer();
  if (auto flushed = impl.flush(); !flushed) return std::unexpected(flushed.error());
  if (!impl.ended) return false;
  if (durable < impl.trailer.largest && !planted(PlantedBug::snapshot_before_durable)) {
    reached(Probe::snapshot_waits);
    return false;
  }
  if (auto published = impl.publish(); !published) return std::unexpected(published.error());
  return true;
}

std::uint64_t SnapshotWriter::bytes() const {
  return impl_->written;
}

}  // namespace holdfast::journal
