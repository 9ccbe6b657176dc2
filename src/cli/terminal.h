// What is at the other end of standard output and standard error: a person's terminal, or a program.
#pragma once

#include <cstddef>
#include <optional>

namespace holdfast::cli {

struct Terminal {
  /// Columns that a table may take. None: a pipe or file, where nothing is cut.
  std::optional<std::size_t> width = std::nullopt;
  bool colour = false;    // on standard output
  bool progress = false;  // standard error is a terminal

  /// COLUMNS wins over what the terminal says; a terminal that says nothing has 80. NO_COLOR and TERM=dumb
  /// turn colour off.
  [[nodiscard]] static Terminal detect();
};

}  // namespace holdfast::cli
