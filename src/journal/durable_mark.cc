#include "journal/durable_mark.h"

#include <array>
#include <cerrno>
#include <tuple>

#include "journal/fixed_fields.h"

namespace holdfast::journal {
namespace {

using Magic = std::array<char, 8>;
constexpr Magic kMagic = {'H', 'F', 'D', 'U', 'R', 'A', 'B', 'L'};
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kSegmentAt = 12;
constexpr std::size_t kLedgerAt = 16;
constexpr std::size_t kSeqAt = 32;
constexpr std::size_t kOffsetAt = 40;
constexpr std::size_t kHeadAt = 48;
constexpr std::size_t kCheckAt = 80;
constexpr std::size_t kSlotBytes = 88;
constexpr std::size_t kSlots = 2;
constexpr std::uint64_t kSlotDistance = 4096;
constexpr int kReadTries = 8;

using Slot = std::array<std::byte, kSlotBytes>;

std::uint64_t check_of(const Slot& slot) {
  return stable_hash({reinterpret_cast<const char*>(slot.data()), kCheckAt});
}

Slot encode(const Durable& place, const LedgerUuid& ledger) {
  Slot slot{};
  put_field(slot, 0, kMagic);
  put_field(slot, kVersionAt, kFormatVersion);
  put_field(slot, kSegmentAt, place.end.segment);
  put_field(slot, kLedgerAt, ledger);
  put_field(slot, kSeqAt, place.seq.value());
  put_field(slot, kOffsetAt, place.end.offset);
  put_field(slot, kHeadAt, place.head);
  put_field(slot, kCheckAt, check_of(slot));
  return slot;
}

std::optional<Durable> decode(const Slot& slot, const LedgerUuid& ledger) {
  if (get_field<Magic>(slot, 0) != kMagic || get_field<std::uint64_t>(slot, kCheckAt) != check_of(slot)) {
    return {};
  }
  if (get_field<std::uint32_t>(slot, kVersionAt) != kFormatVersion) return {};
  if (get_field<LedgerUuid>(slot, kLedgerAt) != ledger) return {};
  return Durable{
      .seq = Seq(get_field<std::uint64_t>(slot, kSeqAt)),
      .head = get_field<Digest>(slot, kHeadAt),
      .end = {get_field<std::uint32_t>(slot, kSegmentAt), get_field<std::uint64_t>(slot, kOffsetAt)},
  };
}

auto order(const Durable& place) {
  return std::tuple(place.seq, place.end.segment, place.end.offset);
}

struct Best {
  std::optional<Durable> place;
  std::size_t slot = 0;
};

IoResult<Best> best_slot(const File& file, const LedgerUuid& ledger) {
  Best best;
  for (std::size_t i = 0; i < kSlots; ++i) {
    Slot slot{};
    if (auto got = read_all(file, i * kSlotDistance, slot); !got) return std::unexpected(got.error());
    const auto place = decode(slot, ledger);
    if (place && (!best.place || order(*place) > order(*best.place))) best = {place, i};
  }
  return best;
}

}  // namespace

Result<std::optional<Durable>> read_mark(Directory& directory, const LedgerUuid& ledger) {
  auto file = directory.open(kMarkName, OpenMode::read);
  if (!file && file.error().error_number == ENOENT) return std::optional<Durable>();
  if (!file) return std::unexpected(to_error(file.error()));
  // A writer may overtake a reader between the two slots, so that both are found half-written.
  for (int i = 0; i < kReadTries; ++i) {
    auto best = best_slot(**file, ledger);
    if (!best) return std::unexpected(to_error(best.error()));
    if (best->place) return best->place;
  }
  return std::optional<Durable>();
}

IoResult<MarkWriter> MarkWriter::open(Directory& directory, const LedgerUuid& ledger) {
  auto file = directory.open(kMarkName, OpenMode::read_write);
  if (!file && file.error().error_number == ENOENT) {
    file = directory.open(kMarkName, OpenMode::create);
    if (!file) return std::unexpected(file.error());
    if (auto synced = directory.sync(); !synced) return std::unexpected(synced.error());
  }
  if (!file) return std::unexpected(file.error());
  // Room for both slots, so that publishing cannot fail for lack of it.
  if (auto taken = (*file)->allocate(kSlots * kSlotDistance); !taken) return std::unexpected(taken.error());
  auto best = best_slot(**file, ledger);
  if (!best) return std::unexpected(best.error());
  MarkWriter writer(std::move(*file), ledger);
  writer.published_ = best->place;
  writer.next_slot_ = best->place ? (best->slot + 1) % kSlots : 0;
  return writer;
}

IoResult<void> MarkWriter::publish(const Durable& place) {
  if (published_ && order(*published_) == order(place)) return {};
  if (auto written = write_all(*file_, next_slot_ * kSlotDistance, encode(place, ledger_)); !written) {
    return written;
  }
  published_ = place;
  next_slot_ = (next_slot_ + 1) % kSlots;
  return {};
}

}  // namespace holdfast::journal
