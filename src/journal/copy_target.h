// Events of another ledger, written into a journal as they are. What is written is a ledger at every moment,
// and a beginning of the other one.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "journal/identity.h"
#include "journal/log.h"

namespace holdfast::journal {

/// Writes events in frames that are larger than a live group's, since nobody waits.
class FrameWriter {
 public:
  /// \param next_escrow  above the escrow ids of all events that the log has
  FrameWriter(Log& log, EscrowId next_escrow) : log_(log), next_escrow_(next_escrow) {}

  Result<void> add(const Event& event, std::span<const std::byte> bytes);
  /// Makes durable what was added.
  Result<void> flush();

 private:
  Log& log_;
  FramePayload payload_;
  EscrowId next_escrow_;
};

/// A ledger's directory, locked. Reads its whole journal when it is opened, and checks it.
class CopyTarget {
 public:
  /// Makes an empty ledger where there is none. `busy` where another process writes.
  [[nodiscard]] static Result<std::unique_ptr<CopyTarget>> open(const std::filesystem::path& directory);

  [[nodiscard]] Durable durable() const { return log_->durable(); }
  /// \pre event.seq follows the last one
  Result<void> add(const Event& event, std::span<const std::byte> bytes) {
    return writer_->add(event, bytes);
  }
  /// Makes durable what was added.
  Result<void> flush() { return writer_->flush(); }
  /// The end, in good order.
  Result<void> finish();

 private:
  CopyTarget() = default;
  std::unique_ptr<Directory> root_;
  std::unique_ptr<File> lock_;
  LedgerDirectories directories_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<FrameWriter> writer_;
};

/// Durable events with seq > after; works while another process writes.
/// Returns how far the journal was durable when it was opened.
[[nodiscard]] Result<Durable> read_events(const std::filesystem::path& directory, Seq after,
                                          const EventSink& sink);

}  // namespace holdfast::journal
