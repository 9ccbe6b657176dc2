#include "http/testing/wire_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace holdfast::http::testing {

namespace {

SSL_CTX* context() {
  static const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> kContext(SSL_CTX_new(TLS_client_method()),
                                                                          &SSL_CTX_free);
  return kContext.get();
}

}  // namespace

void WireClient::Free::operator()(SSL* session) const {
  SSL_free(session);
}

WireClient::WireClient(std::uint16_t port, Tls tls) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  if (tls == Tls::none) return;
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes as `write` does; the server does without this
  session_.reset(SSL_new(context()));
  SSL_set_fd(session_.get(), socket_);
  const int version = tls == Tls::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_set_min_proto_version(session_.get(), version);
  SSL_set_max_proto_version(session_.get(), version);
  constexpr std::array<unsigned char, 12> kOffered{2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_set_alpn_protos(session_.get(), kOffered.data(), kOffered.size());
  EXPECT_EQ(SSL_connect(session_.get()), 1);
}

WireClient::~WireClient() {
  if (socket_ >= 0) ::close(socket_);
}

WireClient::WireClient(WireClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), session_(std::move(other.session_)) {}

void WireClient::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto sent = session_ ? SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()))
                               : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void WireClient::half_close() const {
  if (session_) SSL_shutdown(session_.get());
  half_close_socket();
}

void WireClient::half_close_socket() const {
  ::shutdown(socket_, SHUT_WR);
}

void WireClient::reset() const {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

std::string WireClient::read_until(std::string_view end) {
  while (read_.find(end) == std::string::npos && more()) {
  }
  const auto at = read_.find(end);
  auto taken = read_.substr(0, at == std::string::npos ? at : at + end.size());
  read_.erase(0, taken.size());
  return taken;
}

std::string WireClient::read_all() {
  while (more()) {
  }
  return std::exchange(read_, {});
}

bool WireClient::more() {
  std::array<char, 65'536> buffer;
  pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
  const bool held = session_ && SSL_pending(session_.get()) > 0;
  if (!held && ::poll(&waiting, 1, 20'000) != 1) {
    ADD_FAILURE() << "nothing came for 20 s; so far: " << read_.substr(0, 1'000);
    return false;
  }
  const auto size = receive(buffer.data(), buffer.size());
  if (size <= 0) return false;
  read_.append(buffer.data(), static_cast<std::size_t>(size));
  return true;
}

long WireClient::receive(char* into, std::size_t size) {
  errno = 0;
  const long received =
      session_ ? SSL_read(session_.get(), into, static_cast<int>(size)) : ::recv(socket_, into, size, 0);
  reset_ = received <= 0 && errno == ECONNRESET;
  return received;
}

bool WireClient::said_goodbye() const {
  return (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

std::string WireClient::certificate_name() const {
  std::array<char, 64> name{};
  X509* const certificate = SSL_get0_peer_certificate(session_.get());
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(), name.size());
  return name.data();
}

std::string WireClient::tls_version() const {
  return SSL_get_version(session_.get());
}

std::string WireClient::protocol() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(session_.get(), &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

}  // namespace holdfast::http::testing
