// What the server does, told as it happens: for metrics and for the log.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "holdfast/result.h"
#include "http/message.h"

namespace holdfast::server {

/// A request that was answered. All of it is valid only during the call.
struct RequestSeen {
  const http::Head& head;
  std::string_view route;  // its path with `{…}`, empty where there is none of that path
  int status = 200;
  std::string_view key;        // the name of the key that asked; empty: none
  std::string_view code;       // of the problem that was answered; empty: none
  std::string_view problem{};  // the body of that answer
  std::size_t body_bytes = 0;  // of the request
  std::chrono::nanoseconds took{};
};

/// How a body ended that was sent while it was made.
enum class BodyEnd : std::uint8_t {
  whole,
  cut_off,  // by the server, which could not go on
  left      // with its connection: the client went, was too slow, or the server had to end
};
[[nodiscard]] std::string_view to_string(BodyEnd end);

/// An answer that was told before, and then its body. All of it is valid only during the call.
struct BodySeen {
  const http::Head& head;
  std::string_view route;
  std::string_view key;
  BodyEnd end = BodyEnd::whole;
  std::uint64_t bytes = 0;          // that were made
  std::string_view why;             // it was cut off; empty: not known
  std::chrono::nanoseconds took{};  // from the request
};

/// A command that was decided; each one of many counts.
struct CommandSeen {
  std::string_view op;
  std::optional<ErrorCode> refused;  // none: accepted
  bool replayed = false;
  std::uint64_t escrows = 0;  // that it held or settled
  std::chrono::nanoseconds took{};
};

/// Thread-safe. Called on the threads that answer: takes well under a microsecond where nothing is logged,
/// does not block and does not throw.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void answered(const RequestSeen& seen) noexcept = 0;
  virtual void sent(const BodySeen& seen) noexcept = 0;
  virtual void decided(const CommandSeen& seen) noexcept = 0;
};

}  // namespace holdfast::server
