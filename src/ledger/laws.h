// The nine laws of docs/laws.md, checked over any store: an auditor that rebuilds every bucket and escrow
// from the events alone, in a way of its own, and compares the rows with it.
#pragma once

#include <memory>
#include <span>

#include "base/hash.h"
#include "ledger/rows.h"

namespace holdfast {

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
  [[nodiscard]] AuditReport finish(const Rows& rows, Seq durable, const Digest& head) const;

 private:
  struct Books;
  std::unique_ptr<Books> books_;
};

}  // namespace holdfast
