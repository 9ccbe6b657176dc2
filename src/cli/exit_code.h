// What the program answers to the shell that called it. The numbers are part of the command line's contract.
#pragma once

#include "holdfast/result.h"

namespace holdfast::cli {

enum class ExitCode : int {
  done = 0,
  check_failed = 1,  // audit or verify found a broken law or chain
  usage = 2,         // the command line is wrong, or a file that it names cannot be read
  rejected = 3,      // the ledger refused a command, or a line of input could not be understood
  storage = 4,       // the ledger could not be opened, read or written
};

[[nodiscard]] constexpr ExitCode exit_code_of(ErrorCode code) {
  return is_rejection(code) ? ExitCode::rejected : ExitCode::storage;
}

}  // namespace holdfast::cli
