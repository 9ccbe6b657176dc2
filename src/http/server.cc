#include "http/server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <utility>
#include <vector>

#include "base/text.h"
#include "http/connection.h"
#include "http/io_thread.h"

namespace holdfast::http {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

/// Connections beyond the limit that are told so, at a time; more are not accepted yet.
constexpr std::size_t kSurplus = 64;
/// Accepted before others have their turn.
constexpr int kAcceptedAtOnce = 64;

/// So that the limit of connections is what holds, and not the system's.
void raise_descriptor_limit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void set_options(tcp::socket& socket, const Limits& limits) {
  error_code ignored;
  socket.native_non_blocking(true, ignored);
  socket.set_option(tcp::no_delay(true), ignored);
  // A peer that has lost its network says nothing: the system asks, so that its connection ends.
  socket.set_option(boost::asio::socket_base::keep_alive(true), ignored);
  const auto set = [&](int option, int value) {
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
  };
  set(TCP_KEEPIDLE, 60);
  set(TCP_KEEPINTVL, 15);
  set(TCP_KEEPCNT, 4);
  set(TCP_USER_TIMEOUT, static_cast<int>(std::max(limits.write_time, std::chrono::milliseconds(1000)).count()));
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Handler& handler) : options_(std::move(options)) {
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.io_threads, 1); ++i) {
      threads_.push_back(std::make_unique<IoThread>(options_.limits, handler, census_));
    }
    acceptor_.emplace(threads_.front()->context());
  }

  ~Impl() {
    close_acceptor();
    // All end before any is gone: the first hands connections to the others.
    for (auto& thread : threads_) thread->stop();
    acceptor_.reset();
  }

  [[nodiscard]] Result<void> listen();
  [[nodiscard]] Result<void> load() {
    if (!options_.tls) return {};
    auto loaded = load_tls(*options_.tls);
    if (!loaded) return std::unexpected(loaded.error());
    const std::lock_guard lock(tls_mutex_);
    tls_ = std::move(*loaded);
    return {};
  }

  void start() {
    for (auto& thread : threads_) thread->run();
    boost::asio::post(threads_.front()->context(), [this] { wait(); });
  }

  bool drain(std::chrono::milliseconds within) {
    close_acceptor();
    for (auto& thread : threads_) thread->drain();
    const bool done = census_.wait_for_none(within);
    for (auto& thread : threads_) thread->stop();
    return done;
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t connections() const { return census_.open(); }

 private:
  void close_acceptor() {
    boost::asio::post(threads_.front()->context(), [this] {
      error_code ignored;
      closed_ = true;
      acceptor_->close(ignored);
      retry_->cancel();
    });
  }

  void wait();
  void accept();
  void retry_later();

  ServerOptions options_;
  std::mutex tls_mutex_;
  std::shared_ptr<SSL_CTX> tls_;
  Census census_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::optional<tcp::acceptor> acceptor_;
  std::unique_ptr<boost::asio::steady_timer> retry_;
  std::uint16_t port_ = 0;
  std::size_t next_ = 0;
  bool closed_ = false;

  friend class Server;
};

Result<void> Server::Impl::listen() {
  retry_ = std::make_unique<boost::asio::steady_timer>(threads_.front()->context());
  error_code error;
  const auto address = boost::asio::ip::make_address(options_.address, error);
  if (error) {
    return fail(ErrorCode::invalid_command,
                fmt::format("{} is no IP address to listen on: give one like 127.0.0.1, 0.0.0.0 or ::1",
                            in_quotes(options_.address)));
  }
  const tcp::endpoint endpoint(address, options_.port);
  const auto failed = [&](std::string_view what) -> Result<void> {
    const auto where = fmt::format("{}{}{}:{}", address.is_v6() ? "[" : "", options_.address,
                                   address.is_v6() ? "]" : "", options_.port);
    if (error == boost::asio::error::address_in_use) {
      return fail(ErrorCode::busy, fmt::format("cannot listen on {}: another program does already. Stop it, or "
                                               "choose another port",
                                               where));
    }
    if (error == boost::asio::error::access_denied) {
      return fail(ErrorCode::invalid_command,
                  fmt::format("cannot listen on {}: ports below 1024 need a privilege "
                              "(CAP_NET_BIND_SERVICE). Choose another port, or grant it",
                              where));
    }
    if (error == boost::system::errc::address_not_available) {
      return fail(ErrorCode::invalid_command,
                  fmt::format("cannot listen on {}: this machine has no such address", where));
    }
    return fail(ErrorCode::storage_failed, fmt::format("cannot {} {}: {}", what, where, error.message()));
  };
  if (acceptor_->open(endpoint.protocol(), error)) return failed("open a socket for");
  acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  if (acceptor_->bind(endpoint, error)) return failed("bind to");
  if (acceptor_->listen(4096, error)) return failed("listen on");
  if (acceptor_->non_blocking(true, error)) return failed("listen on");
  port_ = acceptor_->local_endpoint(error).port();
  raise_descriptor_limit(options_.limits.max_connections + kSurplus + 256);
  return {};
}

void Server::Impl::wait() {
  if (closed_) return;
  acceptor_->async_wait(tcp::acceptor::wait_read, [this](const error_code& error) {
    if (!error) accept();
  });
}

void Server::Impl::retry_later() {
  retry_->expires_after(std::chrono::milliseconds(50));
  retry_->async_wait([this](const error_code& error) {
    if (!error) accept();
  });
}

void Server::Impl::accept() {
  for (int i = 0; i < kAcceptedAtOnce && !closed_; ++i) {
    const auto open = census_.open();
    if (open >= options_.limits.max_connections + kSurplus) return retry_later();
    auto& thread = *threads_[next_++ % threads_.size()];
    error_code error;
    tcp::endpoint peer;
    auto socket = acceptor_->accept(thread.context(), peer, error);
    if (error == boost::asio::error::would_block) break;
    if (error == boost::asio::error::connection_aborted || error == boost::asio::error::interrupted) continue;
    // Out of descriptors or memory: who waits goes on waiting, and nothing spins meanwhile.
    if (error) return retry_later();
    set_options(socket, options_.limits);
    std::shared_ptr<SSL_CTX> tls;
    {
      const std::lock_guard lock(tls_mutex_);
      tls = tls_;
    }
    census_.add();
    thread.adopt(std::make_shared<Connection>(thread, std::move(socket), std::move(tls), peer.address().to_string(),
                                              open >= options_.limits.max_connections));
  }
  wait();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler& handler) {
  auto impl = std::make_unique<Impl>(std::move(options), handler);
  if (auto loaded = impl->load(); !loaded) return std::unexpected(loaded.error());
  if (auto listening = impl->listen(); !listening) return std::unexpected(listening.error());
  impl->start();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port(); }
std::size_t Server::connections() const { return impl_->connections(); }
Result<void> Server::reload_tls() { return impl_->load(); }
bool Server::drain(std::chrono::milliseconds within) { return impl_->drain(within); }

}  // namespace holdfast::http
