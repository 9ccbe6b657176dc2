#include "http/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <utility>
#include <vector>

#include "http/connection.h"
#include "http/loop.h"

namespace holdfast::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

/// Beyond the limit this many are told so before the others wait unaccepted.
constexpr std::size_t kRefusedAtOnce = 64;
constexpr auto kRetryAccept = std::chrono::milliseconds(100);

}  // namespace

/// The listening socket; accepts on the first loop's thread and deals the connections out.
class Server::Listener {
 public:
  Listener(ServerOptions options, Handler& handler) : options_(std::move(options)) {
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.threads, 1); ++i) {
      loops_.push_back(std::make_unique<Loop>(options_.limits, handler, connections_));
    }
    acceptor_.emplace(loops_.front()->context());
    retry_.emplace(loops_.front()->context());
  }

  ~Listener() {
    for (const auto& loop : loops_) loop->stop();  // all, before any of what they share goes
  }

  Result<void> open() {
    if (options_.tls) {
      if (auto loaded = reload_tls(); !loaded) return loaded;
    }
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) {
      return fail(ErrorCode::invalid_command,
                  fmt::format("\"{}\" is no numeric address: give one such as 127.0.0.1, 0.0.0.0 or ::1",
                              options_.address));
    }
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(4'096, error);
    if (!error) acceptor_->non_blocking(true, error);
    if (error) {
      const bool taken = error == asio::error::address_in_use;
      return fail(taken ? ErrorCode::busy : ErrorCode::storage_failed,
                  fmt::format("cannot listen on {} port {}: {}{}", options_.address, options_.port,
                              error.message(), taken ? ". Choose another port, or stop what uses it" : ""));
    }
    port_ = acceptor_->local_endpoint().port();
    return {};
  }

  void start() {
    for (const auto& loop : loops_) loop->start();
    asio::post(loops_.front()->context(), [this] { accept(); });
  }

  Result<void> reload_tls() {
    if (!options_.tls) return {};
    auto loaded = load_tls(*options_.tls);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    const std::scoped_lock hold(tls_mutex_);
    tls_ = std::move(*loaded);
    return {};
  }

  bool drain(std::chrono::milliseconds time) {
    for (const auto& loop : loops_) {
      asio::post(loop->context(), [this, &loop] {
        if (loop == loops_.front()) {
          boost::system::error_code ignored;
          acceptor_->close(ignored);
        }
        loop->drain();
      });
    }
    return connections_.wait_for_none(time);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t connections() const { return connections_.now(); }

 private:
  void accept() {
    acceptor_->async_wait(tcp::acceptor::wait_read, [this](const boost::system::error_code& error) {
      if (error || !acceptor_->is_open()) return;
      while (connections() < options_.limits.max_connections + kRefusedAtOnce) {
        boost::system::error_code failed;
        auto& loop = *loops_[next_++ % loops_.size()];
        tcp::socket socket(loop.context());
        acceptor_->accept(socket, failed);
        if (failed == asio::error::would_block) return accept();
        if (failed == asio::error::connection_aborted || failed == asio::error::interrupted) continue;
        if (failed) break;  // no descriptors or memory left: others must go first
        take(loop, std::move(socket));
      }
      retry_->expires_after(kRetryAccept);
      retry_->async_wait([this](const boost::system::error_code& stopped) {
        if (!stopped && acceptor_->is_open()) accept();
      });
    });
  }

  void take(Loop& loop, tcp::socket socket) {
    boost::system::error_code failed;
    socket.non_blocking(true, failed);
    socket.set_option(tcp::no_delay(true), failed);
    const bool refused = connections() >= options_.limits.max_connections;
    std::shared_ptr<SSL_CTX> tls;
    {
      const std::scoped_lock hold(tls_mutex_);
      tls = tls_;
    }
    auto connection = std::make_shared<Connection>(loop, std::move(socket), std::move(tls), refused);
    connections_.add();
    asio::post(loop.context(), [&loop, connection = std::move(connection)] {
      loop.add(connection);
      connection->start();
    });
  }

  ServerOptions options_;
  ConnectionCount connections_;
  std::mutex tls_mutex_;
  std::shared_ptr<SSL_CTX> tls_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> retry_;
  std::uint16_t port_ = 0;
  std::size_t next_ = 0;
};

Server::Server(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler& handler) {
  auto listener = std::make_unique<Listener>(std::move(options), handler);
  if (auto opened = listener->open(); !opened) return std::unexpected(std::move(opened.error()));
  listener->start();
  return std::unique_ptr<Server>(new Server(std::move(listener)));
}

std::uint16_t Server::port() const {
  return listener_->port();
}
std::size_t Server::connections() const {
  return listener_->connections();
}
Result<void> Server::reload_tls() {
  return listener_->reload_tls();
}
bool Server::drain(std::chrono::milliseconds time) {
  return listener_->drain(time);
}

}  // namespace holdfast::http
