// The program `holdfast`: one sub-command a call, an exit code out (exit_code.h).
#pragma once

namespace holdfast::cli {

/// Reads HOLDFAST_LEDGER, COLUMNS and NO_COLOR. Never throws.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace holdfast::cli
