// The nine laws of docs/laws.md, checked over any store: an auditor that rebuilds every bucket and escrow
// from the events alone, in a way of its own, and compares the rows with it.
#pragma once

#include <memory>
#include <span>

#include "base/hash.h"
#include "ledger/rows.h"

namespace holdfast {

namespace audit {
class Comparison;
}

class Auditor {
 public:
  Auditor();
  ~Auditor();
  Auditor(const Auditor&) = delete;
  Auditor& operator=(const Auditor&) = delete;

  /// Every event in order, with its canonical bytes and the chain's hash that the store has for it (nullptr
  /// where the store keeps none for this one: a hash covers all events before it).
  void event(const Event& event, std::span<const std::byte> bytes, const Digest* recorded_hash);

  /// The rows as they are after exactly those events, and the head of the chain that the store answers with.
  /// \param durable  the seq that the store promises to be durable
  [[nodiscard]] AuditReport finish(const Rows& rows, Seq durable, const Digest& head);

  /// `finish` in parts, for rows that change meanwhile. First `begin`, which needs no rows and takes its time
  /// with many escrows; then `compare` until it says false, each time over the rows as they are after exactly
  /// the events that were given so far, for some tens of microseconds; more events may come between two
  /// calls. Then `report`.
  void begin();
  [[nodiscard]] bool compare(const Rows& rows, Seq durable);
  [[nodiscard]] AuditReport report(Seq durable, const Digest& head);

 private:
  struct Books;
  std::unique_ptr<Books> books_;
  std::unique_ptr<audit::Comparison> comparison_;
};

}  // namespace holdfast
