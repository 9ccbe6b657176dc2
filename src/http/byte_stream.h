// The bytes of a connection, plain or through TLS, without waiting: what cannot be done now says what to wait
// for.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace holdfast::http {

class ByteStream {
 public:
  enum class State : std::uint8_t {
    done,         // `size` bytes, at least one
    wants_read,   // once the socket can be read
    wants_write,  // once it can be written
    end,          // the client sends no more; it may still read
    plain,        // the client does not speak TLS, and this port does
    failed,       // gone
  };
  struct Moved {
    State state = State::failed;
    std::size_t size = 0;
  };

  /// \param socket  non-blocking, and the caller's to close
  /// \param tls     none: plain bytes
  ByteStream(int socket, std::shared_ptr<SSL_CTX> tls);
  ~ByteStream();
  ByteStream(ByteStream&&) = delete;
  ByteStream& operator=(ByteStream&&) = delete;

  [[nodiscard]] Moved read(std::span<char> into);
  [[nodiscard]] Moved write(std::string_view bytes);
  /// There are bytes to read of which the socket knows nothing any more.
  [[nodiscard]] bool holds_bytes() const;
  /// Says that nothing more will be written.
  void finish();

  [[nodiscard]] bool encrypted() const { return session_ != nullptr; }
  /// True where there is no TLS.
  [[nodiscard]] bool handshake_done() const;
  /// After `plain`: what is written from now on is plain.
  void give_up_tls() { session_.reset(); }

 private:
  struct Free {
    void operator()(SSL* session) const;
  };

  [[nodiscard]] Moved read_plain(std::span<char> into) const;
  [[nodiscard]] Moved read_tls(std::span<char> into);
  /// What an SSL_… call that moved nothing meant.
  [[nodiscard]] Moved tls_state(int result);

  int socket_;
  std::unique_ptr<SSL, Free> session_;
};

}  // namespace holdfast::http
