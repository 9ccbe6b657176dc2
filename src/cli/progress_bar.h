// A bar on standard error while something long runs: on a terminal only, with a rate and the time to go.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/terminal.h"

namespace holdfast::cli {

class ProgressBar {
 public:
  /// \param thing  what is counted: `rows`, `bytes`
  ProgressBar(const Terminal& terminal, std::string label, std::string thing);
  /// Ends the line, where one was begun.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Draws at most ten times a second. `of` 0: not known.
  void update(std::uint64_t done, std::uint64_t of);

  /// `label  ████░░░░  1,234 rows  5,678/s  12 s to go`
  [[nodiscard]] static std::string line(const std::string& label, const std::string& thing,
                                        std::uint64_t done, std::uint64_t of,
                                        std::chrono::nanoseconds elapsed);

 private:
  bool enabled_;
  bool drawn_ = false;
  std::string label_;
  std::string thing_;
  std::chrono::nanoseconds start_;
  std::chrono::nanoseconds last_draw_{};
};

}  // namespace holdfast::cli
