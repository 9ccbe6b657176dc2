// What a client may take of the server: bytes, time and connections.
#pragma once

#include <chrono>
#include <cstddef>

namespace holdfast::http {

struct Limits {
  std::size_t max_head_bytes = std::size_t{16} * 1024;         // a request's line and fields; beyond: 431
  std::size_t max_body_bytes = std::size_t{16} * 1024 * 1024;  // beyond: 413

  /// From a request's first byte to the end of its head (408), and for the TLS handshake.
  std::chrono::milliseconds head_time{10'000};
  /// A body has this long, and a second more for each `body_bytes_per_s` that came; then 408.
  std::chrono::milliseconds body_time{10'000};
  std::size_t body_bytes_per_s = 1024;
  /// A connection without a request is closed after this.
  std::chrono::milliseconds idle_time{75'000};
  /// A client that takes no byte of its answer for this long is cut off.
  std::chrono::milliseconds write_time{30'000};
  /// A client that closed its sending side gets what is being streamed to it, but is taken as gone where
  /// there was nothing to send for this long.
  std::chrono::milliseconds half_closed_time{2'000};
  /// How long a connection that the server closes goes on being read, so that the client is sure to see the
  /// answer.
  std::chrono::milliseconds linger_time{2'000};

  /// More are told so (503, closed); far more wait until they can be accepted.
  std::size_t max_connections = 10'000;
};

}  // namespace holdfast::http
