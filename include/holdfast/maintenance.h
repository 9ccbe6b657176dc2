// Operations on a ledger's directory, for the journal store. Each says with `corrupt` and the first bad file
// and offset what it found, and leaves the source as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "holdfast/ids.h"
#include "holdfast/result.h"

namespace holdfast {

/// Bytes done, of all.
using Progress = std::function<void(std::uint64_t done, std::uint64_t of)>;

struct VerifyReport {
  Seq seq;           // of the last event that verifies
  std::string head;  // the chain's hash there, in hex
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
};

/// Reads the whole journal up to what is durable, and checks every frame, every event's form and the chain.
/// Also while another process writes.
[[nodiscard]] Result<VerifyReport> verify(std::string_view directory, const Progress& progress = {});

/// Copies what is durable now into a new directory that opens as a ledger. Also while another process writes.
/// The target must not exist or be empty.
[[nodiscard]] Result<VerifyReport> backup(std::string_view directory, std::string_view target,
                                          const Progress& progress = {});

/// Makes a new ledger at `target` from the journal of `source`, up to the last event that verifies (or
/// `through`, where given): for a backup, and for what can be saved of a corrupt ledger. The target must not
/// exist or be empty.
[[nodiscard]] Result<VerifyReport> restore(std::string_view source, std::string_view target, Seq through = {},
                                           const Progress& progress = {});

/// Brings a directory to this version's format. Returns the format it had; the same as now means that nothing
/// was to do.
[[nodiscard]] Result<std::uint32_t> migrate(std::string_view directory);

}  // namespace holdfast
