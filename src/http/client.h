// A small blocking HTTP/1.1 client for one endpoint: what webhooks are delivered by. Every step has its time
// limit, certificates are verified, redirects are answers like any other.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/url.h"

namespace holdfast::http {

struct ClientOptions {
  std::string
      ca_file;  // PEM: the authorities that the server's certificate may come from; empty: the system's
  std::chrono::milliseconds connect_timeout{5'000};  // for each of TCP (all addresses together) and TLS
  std::chrono::milliseconds answer_timeout{15'000};  // from the first byte sent to the answer's end
  std::string user_agent = "holdfast";
};

/// What came back, as far as it matters here: a body beyond 64 KiB is not read.
struct Reply {
  int status = 0;
  std::string body;         // its beginning
  std::string location;     // of a redirect
  std::string retry_after;  // the field as it came; empty: none
};

/// Keeps its connection for the next request. `post` is for one thread at a time, `cancel` for any.
class Client {
 public:
  /// Errors: a sentence, where the file of authorities cannot be used.
  [[nodiscard]] static std::expected<std::unique_ptr<Client>, std::string> make(Url url,
                                                                                ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Sends and waits for the answer. Where the kept connection turns out to be closed before any of the
  /// answer came, it is sent again on a new one: the other side may see a request twice.
  /// \param fields  besides Host, User-Agent, Content-Length
  /// Errors: a sentence that says what failed and where: resolving, connecting, TLS, sending, waiting.
  [[nodiscard]] std::expected<Reply, std::string> post(
      const std::vector<std::pair<std::string, std::string>>& fields, const std::string& body);

  /// Ends what is under way with an error, and every later `post` at once.
  void cancel();

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::http
