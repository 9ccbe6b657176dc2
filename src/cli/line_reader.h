// Lines from a file descriptor in constant memory: the longest that is kept is bounded, and of a longer one
// only its being too long is told.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::cli {

struct Line {
  std::string_view text;     // without its end; valid until the next call
  std::uint64_t number = 0;  // from 1
  bool too_long = false;     // then `text` is empty
};

class LineReader {
 public:
  /// \param descriptor  not owned
  LineReader(int descriptor, std::size_t max_bytes) : descriptor_(descriptor), max_bytes_(max_bytes) {}

  /// The next line, the last one also where it has no line end; none at the end. The error is an errno.
  [[nodiscard]] std::expected<std::optional<Line>, int> next();

 private:
  std::expected<bool, int> fill();

  int descriptor_;
  std::size_t max_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not given out
  std::uint64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace holdfast::cli
