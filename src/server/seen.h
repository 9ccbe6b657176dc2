// What is seen of requests goes two ways: it is counted, and what people want to know is logged.
#pragma once

#include <chrono>

#include "server/log.h"
#include "server/metrics.h"
#include "server/observer.h"

namespace holdfast::server {

/// Logs errors of the server, bodies that it cut off, refused keys and slow requests; the others at level
/// debug.
class Seen final : public Observer {
 public:
  /// \param metrics, log  outlive this object
  Seen(Metrics& metrics, Log& log, std::chrono::milliseconds slow)
      : metrics_(metrics), log_(log), slow_(slow) {}

  void answered(const RequestSeen& seen) noexcept override;
  void sent(const BodySeen& seen) noexcept override;
  void decided(const CommandSeen& seen) noexcept override { metrics_.decided(seen); }

 private:
  Metrics& metrics_;
  Log& log_;
  const std::chrono::nanoseconds slow_;
};

}  // namespace holdfast::server
