// What a Log is made of; shared by its writing and reading part (log.cc) and by recovery (recovery.cc).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "journal/catalog.h"
#include "journal/durable_mark.h"
#include "journal/frame.h"
#include "journal/log.h"
#include "journal/space.h"

namespace holdfast::journal {

/// What only a log that is open for writing has.
struct LogWriting {
  LogWriting(Directory& directory, const LedgerUuid& ledger, const LogOptions& options,
             Space::Segment current, MarkWriter of)
      : space(directory, ledger, options, std::move(current)), mark(std::move(of)) {}

  Space space;
  MarkWriter mark;
  FrameWriter frames;
  Sha256 hasher;
  bool sealed = false;             // the last frame is a seal
  std::atomic<bool> dead = false;  // a write or sync failed
};

struct Log::Impl {
  Impl(Directory& in, LogOptions with, std::unique_ptr<Catalog> of, const Durable& at)
      : directory(in), options(with), catalog(std::move(of)), durable(at) {}

  /// Writes and syncs one frame, publishes and returns the new durable place.
  Result<Durable> write(const FrameHeader& header, std::span<const std::byte> payload, const Digest& head);
  [[nodiscard]] Durable now() const {
    const std::lock_guard lock(durable_mutex);
    return durable;
  }

  Directory& directory;
  LogOptions options;
  std::unique_ptr<Catalog> catalog;
  mutable std::mutex durable_mutex;
  Durable durable;
  std::unique_ptr<LogWriting> writing;  // none where it was opened for reading
};

}  // namespace holdfast::journal
