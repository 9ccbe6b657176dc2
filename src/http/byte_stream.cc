#include "http/byte_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/assert.h"

namespace holdfast::http {

void ByteStream::Free::operator()(SSL* session) const {
  SSL_free(session);
}

ByteStream::ByteStream(int socket, std::shared_ptr<SSL_CTX> tls) : socket_(socket) {
  if (!tls) return;
  session_.reset(SSL_new(tls.get()));  // holds the context too
  HOLDFAST_ASSERT(session_ && SSL_set_fd(session_.get(), socket) == 1, "there is memory for a TLS session");
  SSL_set_accept_state(session_.get());
}

ByteStream::~ByteStream() = default;

bool ByteStream::handshake_done() const {
  return !session_ || SSL_is_init_finished(session_.get()) == 1;
}

bool ByteStream::holds_bytes() const {
  return session_ && SSL_has_pending(session_.get()) == 1;
}

ByteStream::Moved ByteStream::read(std::span<char> into) {
  return session_ ? read_tls(into) : read_plain(into);
}

ByteStream::Moved ByteStream::read_plain(std::span<char> into) const {
  while (true) {
    const auto n = ::recv(socket_, into.data(), into.size(), 0);
    if (n > 0) return {.state = State::done, .size = static_cast<std::size_t>(n)};
    if (n == 0) return {.state = State::end};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {.state = State::wants_read};
    if (errno != EINTR) return {};
  }
}

ByteStream::Moved ByteStream::read_tls(std::span<char> into) {
  // A record at a time is all that OpenSSL gives; what it holds already, no readiness of the socket tells.
  Moved moved{.state = State::done};
  while (moved.size < into.size()) {
    ERR_clear_error();
    const auto room = std::min(into.size() - moved.size, std::size_t{INT_MAX});
    const int n = SSL_read(session_.get(), into.data() + moved.size, static_cast<int>(room));
    if (n <= 0) return moved.size > 0 ? moved : tls_state(n);
    moved.size += static_cast<std::size_t>(n);
  }
  return moved;
}

ByteStream::Moved ByteStream::write(std::string_view bytes) {
  if (session_) {
    ERR_clear_error();
    const auto size = std::min(bytes.size(), std::size_t{INT_MAX});
    const int n = SSL_write(session_.get(), bytes.data(), static_cast<int>(size));
    if (n > 0) return {.state = State::done, .size = static_cast<std::size_t>(n)};
    return tls_state(n);
  }
  while (true) {
    const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) return {.state = State::done, .size = static_cast<std::size_t>(n)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {.state = State::wants_write};
    if (errno != EINTR) return {};
  }
}

ByteStream::Moved ByteStream::tls_state(int result) {
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {.state = State::wants_read};
    case SSL_ERROR_WANT_WRITE:
      return {.state = State::wants_write};
    case SSL_ERROR_ZERO_RETURN:
      return {.state = State::end};
    default:
      break;
  }
  const auto code = ERR_peek_error();
  ERR_clear_error();
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST) {
    return {.state = State::plain};
  }
  return {};
}

void ByteStream::finish() {
  if (session_ && handshake_done()) {
    ERR_clear_error();
    SSL_shutdown(session_.get());  // its goodbye; where it does not fit, the end of the bytes must do
    ERR_clear_error();
  }
  ::shutdown(socket_, SHUT_WR);
}

}  // namespace holdfast::http
