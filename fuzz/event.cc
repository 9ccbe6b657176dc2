// The canonical bytes of an event: what decodes is what an encoder wrote, byte for byte, and keeps the law of
// conservation.
#include <map>
#include <vector>

#include "fuzz/target.h"
#include "ledger/event_codec.h"
#include "ledger/postings.h"

using namespace holdfast;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes_of(data, size);
  Bytes again;
  if (Entry entry; decode_entry(bytes, entry)) {
    encode_entry(entry, again);
    HOLDFAST_ASSERT(std::ranges::equal(again, bytes), "an entry that decodes encodes to the same bytes");
  }
  Event event;
  if (!decode_event(bytes, event)) return 0;
  again.clear();
  encode_event(event.seq, event.at, event.entry, again);
  HOLDFAST_ASSERT(std::ranges::equal(again, bytes), "an event that decodes encodes to the same bytes");
  const auto head = decode_event_head(bytes);
  HOLDFAST_ASSERT(head && head->seq == event.seq && head->at.micros == event.at.micros,
                  "its head is the same");

  std::vector<Posting> changes;
  postings(event.entry, changes);
  std::map<std::string_view, std::int64_t> sums;
  for (const auto& change : changes) sums[change.currency.code()] += change.amount.minor();
  for (const auto& [currency, sum] : sums) HOLDFAST_ASSERT(sum == 0, "postings sum to zero");
  return 0;
}
