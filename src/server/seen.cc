#include "server/seen.h"

#include "json/document.h"

namespace holdfast::server {

namespace {

/// The path without its query: names of accounts stand there, and what people searched for does not belong
/// into a log.
std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

/// What a problem says, out of its JSON.
std::string detail_of(std::string_view problem) {
  std::string detail;
  const auto document = json::Document::parse(problem);
  if (!document || document->root().kind() != json::Kind::object) return detail;
  document->root().each_field([&](std::string_view name, json::Value value) {
    if (name == "detail" && value.kind() == json::Kind::text) detail = value.text();
  });
  return detail;
}

}  // namespace

void Seen::answered(const RequestSeen& seen) noexcept {
  metrics_.answered(seen);
  const bool slow = seen.took >= slow_;
  const bool expected =
      seen.code == "draining" || seen.code == "overloaded";  // by whoever stops or floods it
  const auto level = expected                                   ? Level::debug
                     : seen.status >= 500                       ? Level::error
                     : seen.status == 401 || seen.status == 403 ? Level::warning
                     : slow                                     ? Level::warning
                                                                : Level::debug;
  if (!log_.writes(level)) return;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(seen.took).count();
  log_.write(level, slow && seen.status < 400 ? "slow request" : "request",
             {{"id", seen.head.id},
              {"method", seen.head.method},
              {"path", path_of(seen.head.target)},
              {"status", std::int64_t{seen.status}},
              {"code", seen.code},
              {"detail", detail_of(seen.problem)},
              {"key", seen.key},
              {"remote", seen.head.remote},
              {"body_bytes", static_cast<std::int64_t>(seen.body_bytes)},
              {"took_us", micros}});
}

void Seen::sent(const BodySeen& seen) noexcept {
  metrics_.sent(seen);
  const bool cut = seen.end == BodyEnd::cut_off;
  const auto level = cut ? Level::error : Level::debug;
  if (!log_.writes(level)) return;
  log_.write(level, cut ? "the body of an answer was cut off" : "body",
             {{"id", seen.head.id},
              {"method", seen.head.method},
              {"path", path_of(seen.head.target)},
              {"end", to_string(seen.end)},
              {"detail", seen.why},
              {"key", seen.key},
              {"remote", seen.head.remote},
              {"bytes", static_cast<std::int64_t>(seen.bytes)},
              {"took_us", std::chrono::duration_cast<std::chrono::microseconds>(seen.took).count()}});
}

}  // namespace holdfast::server
