// Loading the newest good snapshot. Everything is checked before it is believed; a snapshot that is wrong in
// any byte is passed over, since the journal has all that it had.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/probe.h"
#include "journal/snapshot.h"
#include "journal/snapshot_format.h"

namespace holdfast::journal {
namespace {

/// Reads a file from its start in big pieces.
class Reader {
 public:
  Reader(const File& file, std::uint64_t size) : file_(file), size_(size) {}

  [[nodiscard]] std::uint64_t left() const { return size_ - offset_; }

  /// The next `n` bytes, valid until the next call. \pre n <= left()
  Result<std::span<const std::byte>> take(std::size_t n) {
    if (n > end_ - begin_) {
      if (auto filled = fill(n); !filled) return std::unexpected(filled.error());
    }
    const std::span<const std::byte> part(buffer_.data() + begin_, n);
    begin_ += n;
    offset_ += n;
    return part;
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{4} << 20;

  Result<void> fill(std::size_t n) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    if (buffer_.size() < n + kPiece) buffer_.resize(n + kPiece);
    const std::uint64_t from = offset_ + end_;
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size() - end_, size_ - from));
    const auto got = read_all(file_, from, std::span(buffer_).subspan(end_, room));
    if (!got) return std::unexpected(to_error(got.error()));
    end_ += *got;
    if (end_ < n) return fail(ErrorCode::corrupt, fmt::format("the file ends at offset {}", offset_ + end_));
    return {};
  }

  const File& file_;
  std::uint64_t size_;
  std::uint64_t offset_ = 0;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

bool same_digest(std::span<const std::byte> bytes, const Digest& digest) {
  return std::ranges::equal(bytes, std::as_bytes(std::span(digest)));
}

class Loader {
 public:
  Loader(const File& file, std::uint64_t size, const LedgerUuid& ledger)
      : file_(file), reader_(file, size), size_(size), ledger_(ledger) {}

  /// What the snapshot says of itself, from its two ends.
  Result<SnapshotTrailer> frame(Seq name, Seq durable) {
    if (size_ < kSnapshotHeaderBytes + kSnapshotTrailerBytes) {
      return fail(ErrorCode::corrupt, fmt::format("{} bytes are too few for a snapshot", size_));
    }
    if (auto header = read_front(name); !header) return std::unexpected(header.error());
    trailer_bytes_.resize(kSnapshotTrailerBytes);
    const auto got = read_all(file_, size_ - kSnapshotTrailerBytes, trailer_bytes_);
    if (!got) return std::unexpected(to_error(got.error()));
    const auto trailer = read_trailer(trailer_bytes_);
    if (*got != kSnapshotTrailerBytes || !trailer) return fail(ErrorCode::corrupt, "its end is missing");
    if (trailer->chunks != chunks_ || trailer->smallest != name || trailer->largest < trailer->smallest) {
      return fail(ErrorCode::corrupt, "its end does not agree with its front");
    }
    if (trailer->largest > durable) {
      return fail(ErrorCode::corrupt, fmt::format("it has seen event {}, which the journal does not have",
                                                  trailer->largest.value()));
    }
    trailer_ = *trailer;
    return *trailer;
  }

  Result<void> chunks(State& state) {
    for (std::uint32_t i = 0; i < chunks_; ++i) {
      if (auto done = chunk(state, i); !done) return done;
    }
    if (reader_.left() != kSnapshotTrailerBytes) return fail(ErrorCode::corrupt, "bytes are left over");
    const auto trailer = std::span<const std::byte>(trailer_bytes_);
    summary_.update(trailer.first(kSnapshotTrailerBytes - kDigestBytes));
    if (!same_digest(trailer.last(kDigestBytes), summary_.finish())) {
      return fail(ErrorCode::corrupt, "the checksum of the whole is wrong");
    }
    return {};
  }

 private:
  Result<void> read_front(Seq name) {
    const auto front = reader_.take(kSnapshotHeaderBytes);
    if (!front) return std::unexpected(front.error());
    const auto header = read_header(*front);
    if (!header) return fail(ErrorCode::corrupt, "it does not begin as a snapshot does");
    if (header->format > kSnapshotFormat) {
      return fail(ErrorCode::newer_format, fmt::format("its format {} is newer than this program's {}",
                                                       header->format, kSnapshotFormat));
    }
    if (header->format != kSnapshotFormat)
      return fail(ErrorCode::corrupt, fmt::format("there is no format {}", header->format));
    if (header->ledger != ledger_) return fail(ErrorCode::corrupt, "it is of another ledger");
    if (header->from != name) return fail(ErrorCode::corrupt, "its name is of another seq");
    chunks_ = header->chunks;
    summary_.begin();
    summary_.update(*front);
    return {};
  }

  Result<void> chunk(State& state, std::uint32_t index) {
    const std::uint64_t at = size_ - reader_.left();
    const auto wrong = [&](std::string_view what) {
      return fail(ErrorCode::corrupt, fmt::format("chunk {} at offset {}: {}", index, at, what));
    };
    if (reader_.left() < kChunkHeadBytes + kDigestBytes + kSnapshotTrailerBytes)
      return wrong("it is cut off");
    auto head = reader_.take(kChunkHeadBytes);
    if (!head) return std::unexpected(head.error());
    ByteReader fields(*head);
    const Seq stamp(fields.u64_fixed());
    const std::size_t length = fields.u32_fixed();
    hasher_.begin();
    hasher_.update(*head);
    if (length > kMaxChunkBytes || reader_.left() < length + kDigestBytes + kSnapshotTrailerBytes) {
      return wrong("its length is wrong");
    }
    const auto body = reader_.take(length + kDigestBytes);
    if (!body) return std::unexpected(body.error());
    const auto bytes = body->first(length);
    const auto digest = body->last(kDigestBytes);
    hasher_.update(bytes);
    if (!same_digest(digest, hasher_.finish())) return wrong("its checksum is wrong");
    summary_.update(digest);
    if (stamp < trailer_.smallest || stamp > trailer_.largest) return wrong("its stamp is out of range");
    if (auto loaded = state.load_chunk(bytes, stamp); !loaded) return wrong(loaded.error().message);
    return {};
  }

  const File& file_;
  Reader reader_;
  std::uint64_t size_;
  LedgerUuid ledger_;
  std::uint32_t chunks_ = 0;
  SnapshotTrailer trailer_;
  Bytes trailer_bytes_;
  Sha256 hasher_;
  Sha256 summary_;
};

Result<SnapshotTrailer> load_one(Directory& directory, const LedgerUuid& ledger, const std::string& name,
                                 Seq seq, Seq durable, State& state) {
  const auto file = directory.open(name, OpenMode::read);
  if (!file) return std::unexpected(to_error(file.error()));
  const auto size = (*file)->size();
  if (!size) return std::unexpected(to_error(size.error()));
  Loader loader(**file, *size, ledger);
  const auto trailer = loader.frame(seq, durable);
  if (!trailer) return std::unexpected(trailer.error());
  if (auto loaded = loader.chunks(state); !loaded) return std::unexpected(loaded.error());
  return *trailer;
}

}  // namespace

Result<LoadedSnapshot> load_newest_snapshot(Directory& directory, const LedgerUuid& ledger, Seq durable,
                                            const std::function<std::unique_ptr<State>()>& make_state,
                                            std::unique_ptr<State>& state) {
  const auto names = directory.list();
  if (!names) return std::unexpected(to_error(names.error()));
  LoadedSnapshot loaded;
  for (const auto& name : std::views::reverse(*names)) {
    const auto seq = parse_snapshot_name(name);
    if (!seq) continue;
    state = make_state();
    const auto trailer = load_one(directory, ledger, name, *seq, durable, *state);
    if (trailer) {
      loaded.from = trailer->smallest;
      loaded.through = trailer->largest;
      loaded.name = name;
      reached(Probe::snapshot_loaded);
      return loaded;
    }
    reached(Probe::snapshot_passed_over);
    loaded.passed_over.push_back(fmt::format("{}: {}", name, trailer.error().message));
  }
  state = make_state();
  reached(Probe::no_snapshot);
  return loaded;
}

}  // namespace holdfast::journal
