#include "http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.h"
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
    // The other loops may still be given connections until the first has ended; all of that before the socket.
    for (auto& loop : loops_) loop.reset();
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
                              error.message(),
                              taken ? ". Choose another port, or stop what uses it" : ""));
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
    const auto end = system_clock().monotonic() + time;
    for (const auto& loop : loops_) {
      asio::post(loop->context(), [this, &loop] {
        if (loop == loops_.front()) {
          boost::system::error_code ignored;
          acceptor_->close(ignored);
        }
        loop->drain();
      });
    }
    // Connections end on their loops, which know of nobody who waits: looked at as they look at their time limits.
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock hold(mutex);
    while (connections_.load() > 0 && system_clock().monotonic() < end) {
      never.wait_for(hold, std::chrono::milliseconds(10));
    }
    return connections_.load() == 0;
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t connections() const { return connections_.load(std::memory_order_relaxed); }

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
    loop.count(connection);
    asio::post(loop.context(), [&loop, connection = std::move(connection)] {
      loop.add(connection);
      connection->start();
    });
  }

  ServerOptions options_;
  std::atomic<std::size_t> connections_{0};
  std::mutex tls_mutex_;
  std::shared_ptr<SSL_CTX> tls_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> retry_;
  std::uint16_t port_ = 0;
  std::size_t next_ = 0;
};
