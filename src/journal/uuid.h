// Identifies one ledger, so that a foreign journal segment or snapshot is not taken for ours.
#pragma once

#include <array>
#include <cstdint>

namespace holdfast::journal {

using LedgerUuid = std::array<std::uint8_t, 16>;

}  // namespace holdfast::journal
