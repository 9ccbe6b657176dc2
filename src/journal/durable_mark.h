// The durable mark: how far the journal is durable, for other processes and as a lower bound for recovery.
// docs/journal_format.md, "The durable mark". It may be behind what is durable, never ahead of it.
#pragma once

#include <memory>
#include <optional>

#include "base/file.h"
#include "journal/log.h"
#include "journal/uuid.h"

namespace holdfast::journal {

inline constexpr std::string_view kMarkName = "durable";

/// None where there is no mark, or none that is good. Works beside a writer.
[[nodiscard]] Result<std::optional<Durable>> read_mark(Directory& directory, const LedgerUuid& ledger);

/// Writes the mark; used by one thread at a time.
class MarkWriter {
 public:
  /// Makes the file where it is not there; that is durable when it returns.
  [[nodiscard]] static IoResult<MarkWriter> open(Directory& directory, const LedgerUuid& ledger);

  /// \pre `place` is durable
  [[nodiscard]] IoResult<void> publish(const Durable& place);
  [[nodiscard]] IoResult<void> sync() { return file_->sync(); }

 private:
  MarkWriter(std::unique_ptr<File> file, const LedgerUuid& ledger)
      : file_(std::move(file)), ledger_(ledger) {}

  std::unique_ptr<File> file_;
  LedgerUuid ledger_;
  std::optional<Durable> published_;
  std::size_t next_slot_ = 0;
};

}  // namespace holdfast::journal
