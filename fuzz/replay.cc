// Events that decode, whatever they say, replayed into a ledger's memory: each fits or is `corrupt`, and what
// is in memory afterwards can be asked, saved and loaded again.
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "fuzz/ledger_memory.h"
#include "fuzz/target.h"
#include "journal/state.h"
#include "ledger/event_codec.h"

using namespace holdfast;
using namespace holdfast::fuzz;
using namespace holdfast::journal;

namespace {

constexpr HashSecret kSecret = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

void save_and_load(const State& state, Seq last, Timestamp at) {
  const auto chunks = chunks_of(state);
  State loaded(kSecret);
  for (const auto& chunk : chunks) {
    const auto done = loaded.load_chunk(chunk, last);
    HOLDFAST_ASSERT(done, "what was saved can be loaded");
  }
  const auto done = loaded.finish_load(last, at);
  HOLDFAST_ASSERT(done, "what was saved is whole");
  HOLDFAST_ASSERT(chunks_of(loaded) == chunks, "what was loaded is what was saved");
}

}  // namespace

/// The first byte: whether the memory is saved and loaded too, which takes long. Then each event: two bytes
/// of length, then its bytes without the seq and time, which follow from its place.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  State state(kSecret);
  Seq last;
  Timestamp at{};
  for (auto bytes = fuzz::bytes_of(data, size).subspan(1); bytes.size() > 2;) {
    const auto length = std::to_integer<std::size_t>(bytes[0]) + 256 * std::to_integer<std::size_t>(bytes[1]);
    bytes = bytes.subspan(2);
    const auto entry = bytes.first(std::min(length, bytes.size()));
    bytes = bytes.subspan(entry.size());
    Event event{.seq = last.next(), .at = Timestamp{at.micros + 1}, .entry = {}};
    if (!decode_entry(entry, event.entry)) continue;
    if (!state.replay(event)) return 0;  // after an error nobody looks at the state
    last = event.seq;
    at = event.at;
    state.set_applied(last, at);
  }
  if (!last || !state.finish_load(last, at)) return 0;
  ask(state);
  if (data[0] % 4 == 1) save_and_load(state, last, at);
  return 0;
}
