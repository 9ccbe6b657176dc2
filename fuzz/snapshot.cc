// A snapshot's chunks whose checksums hold, with anything in them: each loads or is `corrupt`, and what was
// loaded can be asked, and saved again as the same bytes. And a snapshot's file as it may be found on the
// disk.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "fuzz/ledger_memory.h"
#include "fuzz/target.h"
#include "journal/snapshot.h"
#include "journal/snapshot_format.h"
#include "journal/state.h"
#include "journal/testing/memory_disk.h"

using namespace holdfast;
using namespace holdfast::fuzz;
using namespace holdfast::journal;

namespace {

constexpr HashSecret kSecret = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr LedgerUuid kLedger = {1, 2, 3};
constexpr Seq kSeq(1'000'000);
constexpr Timestamp kAt{1'700'000'000'000'000};

void load_file(std::span<const std::byte> bytes) {
  journal::testing::MemoryDisk disk;
  const auto header = bytes.size() < kSnapshotHeaderBytes ? std::nullopt : read_header(bytes);
  disk.put(snapshot_name(header ? header->from : kSeq), Bytes(bytes.begin(), bytes.end()));
  const auto directory = disk.root();
  std::unique_ptr<State> state;
  const auto loaded = load_newest_snapshot(
      *directory, kLedger, Seq(~std::uint64_t{0}), [] { return std::make_unique<State>(kSecret); }, state);
  HOLDFAST_ASSERT(loaded, "a bad snapshot is passed over");
}

}  // namespace

/// The first byte: whether a file follows, or chunks (two bytes of length each).
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  auto bytes = fuzz::bytes_of(data, size).subspan(1);
  if (data[0] % 2 == 0) return load_file(bytes), 0;
  State state(kSecret);
  while (bytes.size() > 2) {
    const auto length = std::to_integer<std::size_t>(bytes[0]) + 256 * std::to_integer<std::size_t>(bytes[1]);
    const auto chunk = bytes.subspan(2, std::min(length, bytes.size() - 2));
    bytes = bytes.subspan(2 + chunk.size());
    if (!state.load_chunk(chunk, kSeq)) return 0;  // a snapshot with such a chunk is passed over
  }
  if (!state.finish_load(kSeq, kAt)) return 0;
  ask(state);
  const auto chunks = chunks_of(state);
  State again(kSecret);
  for (const auto& chunk : chunks) {
    const auto loaded = again.load_chunk(chunk, kSeq);
    HOLDFAST_ASSERT(loaded, "what was saved can be loaded");
  }
  const auto whole = again.finish_load(kSeq, kAt);
  HOLDFAST_ASSERT(whole, "what was saved is whole");
  HOLDFAST_ASSERT(chunks_of(again) == chunks, "what was loaded is what was saved");
  return 0;
}
