// Small journals for tests: event n holds escrow n.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "holdfast/money.h"
#include "journal/frame.h"
#include "journal/log.h"
#include "ledger/event_codec.h"

namespace holdfast::journal::testing {

inline constexpr LedgerUuid kLedger = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/// `filler` makes it larger by about so many bytes: then it is an atomic of many commands, the hold the last.
inline Entry hold_entry(std::uint64_t n, std::size_t filler = 0) {
  Held held;
  held.escrow = EscrowId(n);
  held.payer = AccountId(1);
  held.beneficiary = AccountId(2);
  held.plan = PlanId(1);
  held.currency = Currency::parse("EUR").value();
  held.amount = Amount(static_cast<std::int64_t>(1000 + n));
  Entry entry;
  entry.actor = "test";
  entry.body = held;
  if (filler == 0) return entry;
  AtomicDone atomic;
  for (std::size_t done = 0; done < filler; done += 250) {
    Entry inner;
    inner.reason = std::string(240, 'x');
    inner.body = Unchanged{.op = 0, .version = 0};
    atomic.entries.emplace_back(std::move(inner));
  }
  atomic.entries.emplace_back(std::move(entry));
  Entry outer;
  outer.actor = "test";
  outer.body = std::move(atomic);
  return outer;
}

/// A frame of `count` events that begin with `first`.
inline FramePayload frame_of(std::uint64_t first, std::uint32_t count = 1, std::size_t filler = 0) {
  FramePayload payload;
  payload.first = Seq(first);
  payload.count = count;
  payload.next_escrow = EscrowId(first);
  Bytes event;
  ByteWriter out(payload.bytes);
  for (std::uint64_t n = first; n < first + count; ++n) {
    event.clear();
    encode_event(Seq(n), Timestamp{static_cast<std::int64_t>(1'700'000'000'000'000 + n)},
                 hold_entry(n, filler), event);
    out.varint(event.size());
    out.raw(event);
  }
  return payload;
}

/// Takes the space of the frame and appends it.
inline Result<Durable> put(Log& log, const FramePayload& payload) {
  if (auto reserved = log.reserve(0, payload.bytes.size()); !reserved) {
    return std::unexpected(reserved.error());
  }
  return log.append(payload);
}

/// What a recovery or scan gave.
struct Seen {
  std::vector<std::uint64_t> seqs;
  std::optional<Digest> head;

  [[nodiscard]] EventSink sink() {
    return [this](const Event& event, std::span<const std::byte>, const Digest* hash) -> Result<void> {
      seqs.push_back(event.seq.value());
      if (hash != nullptr) head = *hash;
      return {};
    };
  }
  [[nodiscard]] std::uint64_t last() const { return seqs.empty() ? 0 : seqs.back(); }
  /// Each from `first` on, without a gap.
  void expect(std::uint64_t first, std::uint64_t last_seq) const {
    ASSERT_EQ(seqs.size(), last_seq + 1 - first);
    for (std::size_t i = 0; i < seqs.size(); ++i) ASSERT_EQ(seqs[i], first + i);
  }
};

inline std::string why(const Error& error) {
  return std::string(to_string(error.code)) + ": " + error.message;
}
template <class T>
std::string why(const Result<T>& result) {
  return result ? "no error" : why(result.error());
}

}  // namespace holdfast::journal::testing
