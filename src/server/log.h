// The server's log on standard error: a JSON object a line for programs, a readable line for people. Never a
// key, never a body.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"

namespace holdfast::server {

enum class Level : std::uint8_t { error = 1, warning = 2, info = 3, debug = 4 };
[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] std::optional<Level> parse_level(std::string_view text);

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t> value;
};

/// Thread-safe, and blocks nobody: lines go to a thread of its own, and where that cannot write as fast as
/// they come the oldest are lost.
class Log {
 public:
  enum class Form : std::uint8_t { json, text };

  /// \param least  lines of a less urgent level are not written
  Log(Level least, Form form, const Clock& clock = system_clock());
  /// Writes what is under way.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool writes(Level level) const { return level <= least_; }
  /// {"at","level","message", fields…}; fields with an empty text are left out.
  void write(Level level, std::string_view message, std::initializer_list<LogField> fields = {}) noexcept;

 private:
  struct Sink;

  const Level least_;
  const Form form_;
  const Clock& clock_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace holdfast::server
