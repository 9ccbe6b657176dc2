#include "server/log.h"

#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>

#include "json/writer.h"

namespace holdfast::server {

namespace {

constexpr std::array kLevels = {Level::error, Level::warning, Level::info, Level::debug};

std::string json_line(Timestamp at, Level level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  json::Writer out;
  out.begin_object().name("at").text(to_rfc3339(at)).name("level").text(to_string(level));
  out.name("message").text(message);
  for (const auto& field : fields) {
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      out.name(field.name).number(*number);
    } else if (const auto text = std::get<std::string_view>(field.value); !text.empty()) {
      out.name(field.name).text(text);
    }
  }
  return out.end_object().take();
}

/// Others wrote what is in a field: it must not end the line or move the cursor.
std::string plain(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (const char c : text) {
    quoted = quoted || c == ' ';
    out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
  }
  return quoted ? fmt::format("\"{}\"", out) : out;
}

std::string text_line(Timestamp at, Level level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  auto line = fmt::format("{} {:7} {}", to_rfc3339(at).substr(11, 8), to_string(level), message);
  for (const auto& field : fields) {
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      line += fmt::format(" {}={}", field.name, *number);
    } else if (const auto text = std::get<std::string_view>(field.value); !text.empty()) {
      line += fmt::format(" {}={}", field.name, plain(text));
    }
  }
  return line;
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::error:
      return "error";
    case Level::warning:
      return "warning";
    case Level::info:
      return "info";
    case Level::debug:
      return "debug";
  }
  return "";
}

std::optional<Level> parse_level(std::string_view text) {
  for (const auto level : kLevels) {
    if (text == to_string(level)) return level;
  }
  return std::nullopt;
}

struct Log::Sink {
  static constexpr std::size_t kQueuedLines = 8'192;

  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1);
  std::shared_ptr<spdlog::async_logger> logger =
      std::make_shared<spdlog::async_logger>("holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                             pool, spdlog::async_overflow_policy::overrun_oldest);
};

Log::Log(Level least, Form form, const Clock& clock)
    : least_(least), form_(form), clock_(clock), sink_(std::make_unique<Sink>()) {
  sink_->logger->set_pattern("%v");
  sink_->logger->set_level(spdlog::level::trace);
  sink_->logger->flush_on(spdlog::level::trace);
}
Log::~Log() = default;

void Log::write(Level level, std::string_view message, std::initializer_list<LogField> fields) noexcept {
  if (!writes(level)) return;
  const auto at = clock_.wall();
  const auto line =
      form_ == Form::json ? json_line(at, level, message, fields) : text_line(at, level, message, fields);
  sink_->logger->log(spdlog::level::info, spdlog::string_view_t(line));
}

}  // namespace holdfast::server
