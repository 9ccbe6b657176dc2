// The journal: a segment's bytes as they may be found on the disk, and frames whose checks hold with any
// events in them. Recovery reads what is good, cuts off or refuses the rest, and what it recovered it finds
// again.
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "fuzz/target.h"
#include "journal/frame.h"
#include "journal/log.h"
#include "journal/segment.h"
#include "journal/testing/memory_disk.h"
#include "ledger/event_codec.h"

using namespace holdfast;
using namespace holdfast::journal;

namespace {

constexpr LedgerUuid kLedger = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr LogOptions kOptions{.segment_bytes = 64 << 10};

void append(Bytes& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// A frame of these events, `length, bytes` each, with the header and hash that they ask for.
Bytes frame_of(std::span<const std::byte> payload, Seq first, Digest& head) {
  FrameHeader header;
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.first = first;
  header.next_escrow = EscrowId(1);
  header.previous = head;
  Sha256 hasher;
  ByteReader events(payload);
  while (events.ok() && events.left() > 0) {
    const auto event = events.raw(static_cast<std::size_t>(events.varint()));
    if (!events.ok()) break;
    head = chain(hasher, head, event);
    ++header.count;
  }
  Bytes frame;
  append(frame, encode_frame_header(header));
  append(frame, payload);
  append(frame, std::as_bytes(std::span(head)));
  frame.resize(frame_bytes(payload.size()));
  return frame;
}

struct Read {
  std::vector<Digest> hashes;
  std::vector<std::string> notes;
  bool opened = false;

  bool operator==(const Read& other) const { return opened == other.opened && hashes == other.hashes; }
};

Read recover(journal::testing::MemoryDisk& disk) {
  const auto directory = disk.root();
  Read read;
  LogReport report;
  const auto sink = [&](const Event&, std::span<const std::byte>, const Digest* hash) -> Result<void> {
    read.hashes.push_back(*hash);
    return {};
  };
  read.opened = Log::recover(*directory, kLedger, kOptions, Seq(), sink, report).has_value();
  read.notes = std::move(report.notes);
  return read;
}

}  // namespace

/// The first byte: whether bytes of the file follow, or the payloads of frames (two bytes of length each).
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > kOptions.segment_bytes) return 0;
  auto bytes = fuzz::bytes_of(data, size).subspan(1);
  Bytes segment;
  if (data[0] % 2 == 0) {
    append(segment, bytes);
  } else {
    segment = encode_segment_header(kLedger, 1);
    Digest head{};
    Seq first(1);
    while (bytes.size() > 2) {
      const auto length =
          std::to_integer<std::size_t>(bytes[0]) + 256 * std::to_integer<std::size_t>(bytes[1]);
      const auto payload = bytes.subspan(2, std::min(length, bytes.size() - 2));
      bytes = bytes.subspan(2 + payload.size());
      const auto frame = frame_of(payload, first, head);
      FrameHeader header;
      if (decode_frame_header(frame, header) == HeaderState::good) first = Seq(header.last().value() + 1);
      append(segment, frame);
    }
  }
  journal::testing::MemoryDisk disk;
  disk.put(segment_name(1), segment);
  {
    const auto directory = disk.root();
    (void)verify_log(*directory, kLedger, {});
  }
  const auto found = recover(disk);
  if (!found.opened) return 0;
  HOLDFAST_ASSERT(recover(disk) == found, "what was recovered is found again");
  disk.restart(journal::testing::Survives::nothing);
  HOLDFAST_ASSERT(recover(disk) == found, "what was recovered survives");
  return 0;
}
