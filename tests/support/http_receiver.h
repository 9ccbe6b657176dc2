// A receiver of webhooks for tests: a real HTTP/1.1 server on a free loopback port, plain or with TLS under a
// certificate of its own, that does what the test wants with each request.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/certificate.h"

namespace holdfast::testing {

struct Received {
  std::string method;
  std::string target;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
};

/// What the receiver does with a request.
struct Reaction {
  enum class Kind { answer, reset, half_answer, silence };

  Kind kind = Kind::answer;  // silence: until the receiver is destroyed
  int status = 204;
  std::string location{};
  std::string retry_after{};
  std::string body{};
  bool keep_alive = true;
};

class HttpReceiver {
 public:
  using React = std::function<Reaction(const Received&)>;  // from several threads, one a connection

  /// \param certificate  of TLS, a PEM file that has its key too; empty: plain
  explicit HttpReceiver(React react, const std::filesystem::path& certificate = {});
  ~HttpReceiver();
  HttpReceiver(const HttpReceiver&) = delete;
  HttpReceiver& operator=(const HttpReceiver&) = delete;

  [[nodiscard]] unsigned short port() const;
  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const;
  /// Connections that were ever made.
  [[nodiscard]] int connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A loopback port that nobody listens on.
[[nodiscard]] unsigned short closed_port();

}  // namespace holdfast::testing
