#include "cli/line_reader.h"

#include <unistd.h>

#include <cerrno>

namespace holdfast::cli {

/// Reads once more; false at the end of the input.
std::expected<bool, int> LineReader::fill() {
  constexpr std::size_t kReadBytes = std::size_t{64} << 10;
  if (ended_) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const auto size = buffer_.size();
  buffer_.resize(size + kReadBytes);
  ssize_t read = 0;
  do {
    read = ::read(descriptor_, buffer_.data() + size, kReadBytes);
  } while (read < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(size + (read > 0 ? static_cast<std::size_t>(read) : 0));
  if (read < 0) return std::unexpected(error);
  ended_ = read == 0;
  return !ended_;
}

std::expected<std::optional<Line>, int> LineReader::next() {
  bool too_long = false;
  std::size_t searched = 0;  // bytes from begin_ that are known to have no line end
  for (;;) {
    const auto end = buffer_.find('\n', begin_ + searched);
    if (end != std::string::npos) {
      Line line{std::string_view(buffer_).substr(begin_, end - begin_), ++number_, too_long};
      begin_ = end + 1;
      line.too_long = too_long || line.text.size() > max_bytes_;
      if (line.too_long) line.text = {};
      return line;
    }
    searched = buffer_.size() - begin_;
    if (searched > max_bytes_) {
      too_long = true;
      begin_ = buffer_.size();
      searched = 0;
    }
    const auto more = fill();
    if (!more) return std::unexpected(more.error());
    if (*more) continue;
    if (begin_ == buffer_.size() && !too_long) return std::nullopt;
    const auto rest = too_long ? std::string_view() : std::string_view(buffer_).substr(begin_);
    const Line line{rest, ++number_, too_long};
    begin_ = buffer_.size();
    return line;
  }
}

}  // namespace holdfast::cli
