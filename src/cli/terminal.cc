#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace holdfast::cli {

namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread starts
  return value == nullptr ? std::string_view() : value;
}

std::optional<std::size_t> columns_variable() {
  const auto text = environment("COLUMNS");
  std::size_t columns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), columns);
  if (error != std::errc() || end != text.data() + text.size() || columns == 0) return std::nullopt;
  return columns;
}

}  // namespace

Terminal Terminal::detect() {
  constexpr std::size_t kUsualWidth = 80;
  Terminal terminal;
  const bool out = isatty(STDOUT_FILENO) == 1;
  terminal.progress = isatty(STDERR_FILENO) == 1;
  terminal.colour = out && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  terminal.width = columns_variable();
  if (!terminal.width && out) {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    terminal.width = known ? size.ws_col : kUsualWidth;
  }
  return terminal;
}

}  // namespace holdfast::cli
