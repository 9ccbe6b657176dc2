// An HTTP/1.1 server: listens, reads requests within limits, has the handler answer them.
//
// A client can take no more of the server than `Limits` says, and none waits for another: what is slow, broken
// or gone costs its own connection. Requests of a connection are answered in order, one at a time.
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
  std::string address = "127.0.0.1";  // an IP address, v4 or v6
  std::uint16_t port = 0;             // 0: any that is free, `Server::port` tells
  std::optional<TlsFiles> tls;        // none: plain HTTP
  Limits limits;
  std::size_t io_threads = 1;
};

/// Any thread, but not the handler's on an I/O thread.
class Server {
 public:
  /// Serves when it returns. \param handler  outlives the server; called on the I/O threads
  /// Errors: `busy` where the address is in use, `invalid_command` where an option is wrong, `storage_failed`
  /// where the system refuses something.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options, Handler& handler);
  /// Ends every connection now. Answers that are given later are dropped.
  ~Server();
  Server(Server&&) = delete;
  Server& operator=(Server&&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t connections() const;
  /// Reads certificate and key again, for connections to come. What was there stays where the new is no good.
  [[nodiscard]] Result<void> reload_tls();
  /// Takes no more connections, ends the idle ones, lets requests under way be answered, then ends.
  /// True: all were; false: `within` was over, and what was left was cut off.
  bool drain(std::chrono::milliseconds within);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::http
