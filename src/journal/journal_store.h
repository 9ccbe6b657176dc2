// The journal store: the engine with threads of its own, behind the interface that all stores share.
#pragma once

#include <filesystem>
#include <memory>

#include "journal/engine.h"
#include "ledger/store.h"

namespace holdfast::journal {

/// Opens a ledger's directory for writing. \param create  makes it where there is none
[[nodiscard]] Result<std::unique_ptr<Store>> open_journal_store(const std::filesystem::path& directory,
                                                                bool create, EngineOptions options,
                                                                OpenReport& report);

/// The same for a ledger that is there, in any directory: another file system, or one with injected faults.
[[nodiscard]] Result<std::unique_ptr<Store>> open_journal_store(std::unique_ptr<Directory> root,
                                                                EngineOptions options, OpenReport& report);

/// Opens what is durable now, for reading; also while another process writes. Commands are refused with
/// `read_only`.
[[nodiscard]] Result<std::unique_ptr<Store>> open_journal_reader(const std::filesystem::path& directory);

}  // namespace holdfast::journal
