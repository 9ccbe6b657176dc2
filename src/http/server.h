// An HTTP/1.1 server: takes connections, reads requests, hands them to a handler, writes what it answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/result.h"
#include "http/limits.h"
#include "http/message.h"
#include "http/tls_context.h"

namespace holdfast::http {

struct ServerOptions {
  std::string address = "127.0.0.1";  // numeric, IPv4 or IPv6
  std::uint16_t port = 0;             // 0: any that is free
  std::optional<TlsFiles> tls{};      // none: plain
  std::size_t threads = 1;            // that do input and output
  Limits limits{};
};

class Server {
 public:
  /// Listens, and answers from then on.
  /// \param handler  outlives the server
  /// Errors: `invalid_command` for an address or certificate that cannot be used, `busy` for a port that is
  /// taken, `storage_failed` for what else the system refuses; each says what to do.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options, Handler& handler);
  /// Cuts off what is still connected. What the handler answers later is thrown away.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// Open connections now.
  [[nodiscard]] std::size_t connections() const;
  /// Reads the certificate's files again, for connections from now on. An error leaves the old ones in use.
  [[nodiscard]] Result<void> reload_tls();
  /// Takes no more connections, closes those without a request, and waits until the requests that are under
  /// way are answered. False: some were not within `time`, and are cut off by the destructor.
  [[nodiscard]] bool drain(std::chrono::milliseconds time);

 private:
  class Listener;
  explicit Server(std::unique_ptr<Listener> listener);
  std::unique_ptr<Listener> listener_;
};

}  // namespace holdfast::http
