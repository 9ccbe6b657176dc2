#include "server/seen.h"

namespace holdfast::server {

namespace {

/// The path without its query: names of accounts stand there, and what people searched for does not belong
/// into a log.
std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

}  // namespace

void Seen::answered(const RequestSeen& seen) noexcept {
  metrics_.answered(seen);
  const bool slow = seen.took >= slow_;
  const auto level = seen.status >= 500                         ? Level::error
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
              {"detail", seen.detail},
              {"key", seen.key},
              {"remote", seen.head.remote},
              {"body_bytes", static_cast<std::int64_t>(seen.body_bytes)},
              {"took_us", micros}});
}

}  // namespace holdfast::server
