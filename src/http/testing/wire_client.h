// A client for tests of the transport: sends the bytes it is told to, plain or through TLS, and reads what
// comes.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace holdfast::http::testing {

class WireClient {
 public:
  enum class Tls : std::uint8_t { none, v1_2, v1_3 };

  /// Connects to the loopback address; with TLS shakes hands too.
  explicit WireClient(std::uint16_t port, Tls tls = Tls::none);
  ~WireClient();
  WireClient(WireClient&& other) noexcept;
  WireClient& operator=(WireClient&&) = delete;

  /// Returns early where the server has gone.
  void send(std::string_view bytes) const;
  /// What comes until `end` is in it, or the server closes.
  std::string read_until(std::string_view end);
  std::string read_all();
  /// After `read_all`: the connection did not end in order.
  [[nodiscard]] bool was_reset() const { return reset_; }
  /// After `read_all` with TLS: the server said goodbye (close_notify).
  [[nodiscard]] bool said_goodbye() const;

  /// No more will be sent; through TLS that is said with close_notify.
  void half_close() const;
  /// Without a word of TLS.
  void half_close_socket() const;
  /// The socket will be closed by a reset.
  void reset() const;

  /// The common name in the server's certificate.
  [[nodiscard]] std::string certificate_name() const;
  /// As `TLSv1.3`, and `http/1.1`.
  [[nodiscard]] std::string tls_version() const;
  [[nodiscard]] std::string protocol() const;

 private:
  struct Free {
    void operator()(SSL* session) const;
  };
  bool more();
  [[nodiscard]] long receive(char* into, std::size_t size);

  int socket_;
  std::unique_ptr<SSL, Free> session_;
  bool reset_ = false;
  std::string read_;
};

}  // namespace holdfast::http::testing
