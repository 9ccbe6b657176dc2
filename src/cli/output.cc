#include "cli/output.h"

#include <unistd.h>

#include <cerrno>

namespace holdfast::cli {

void Output::write(std::string_view text) {
  constexpr std::size_t kBufferBytes = std::size_t{64} << 10;
  if (closed()) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Output::line(std::string_view text) {
  write(text);
  write("\n");
}

void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !closed()) {
    const auto written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_number_ = errno;
    }
  }
  buffer_.clear();
}

}  // namespace holdfast::cli
