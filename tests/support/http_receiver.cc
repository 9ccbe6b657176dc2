#include "tests/support/http_receiver.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <condition_variable>
#include <cstdio>
#include <list>
#include <thread>

#include "base/assert.h"

namespace holdfast::testing {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

class HttpReceiver::Impl {
 public:
  Impl(React react, const std::filesystem::path& certificate) : react_(std::move(react)) {
    if (!certificate.empty()) {
      context_.emplace(asio::ssl::context::tls_server);
      context_->use_certificate_chain_file(certificate.string());
      context_->use_private_key_file(certificate.string(), asio::ssl::context::pem);
    }
    thread_ = std::thread([this] { accept(); });
  }

  ~Impl() {
    stopping_ = true;
    boost::system::error_code ignored;
    tcp::socket(io_).connect({asio::ip::address_v4::loopback(), port()}, ignored);  // ends accept()
    thread_.join();
    {
      const std::lock_guard lock(mutex_);
      for (auto* socket : sockets_) ::shutdown(socket->native_handle(), SHUT_RDWR);
      over_.notify_all();
    }
    for (auto& connection : connections_) connection.join();
  }

  [[nodiscard]] unsigned short port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] bool encrypted() const { return context_.has_value(); }
  std::atomic<int> made = 0;

 private:
  void accept() {
    while (true) {
      tcp::socket socket(io_);
      acceptor_.accept(socket);
      if (stopping_) return;
      ++made;
      connections_.emplace_back(
          [this, moved = std::make_shared<tcp::socket>(std::move(socket))] { serve(*moved); });
    }
  }

  void serve(tcp::socket& socket) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      sockets_.push_back(&socket);
    }
    boost::system::error_code error;
    if (context_) {
      beast::ssl_stream<tcp::socket&> stream(socket, *context_);
      stream.handshake(asio::ssl::stream_base::server, error);
      if (!error) talk(stream, socket);
    } else {
      talk(socket, socket);
    }
    const std::lock_guard lock(mutex_);
    std::erase(sockets_, &socket);
    socket.close(error);
  }

  template <class Stream>
  void talk(Stream& stream, tcp::socket& socket) {
    beast::flat_buffer buffer;
    boost::system::error_code error;
    while (true) {
      beast::http::request<beast::http::string_body> request;
      beast::http::read(stream, buffer, request, error);
      if (error) return;
      Received received{
          std::string(request.method_string()), std::string(request.target()), {}, request.body()};
      for (const auto& field : request) {
        auto name = std::string(field.name_string());
        std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
        received.fields.emplace(name, std::string(field.value()));
      }
      const auto reaction = react_(received);
      if (!act(stream, socket, reaction)) return;
    }
  }

  /// Whether the connection goes on.
  template <class Stream>
  bool act(Stream& stream, tcp::socket& socket, const Reaction& reaction) {
    boost::system::error_code error;
    switch (reaction.kind) {
      case Reaction::Kind::answer: {
        beast::http::response<beast::http::string_body> response(
            beast::http::int_to_status(static_cast<unsigned>(reaction.status)), 11);
        if (!reaction.location.empty()) response.set(beast::http::field::location, reaction.location);
        if (!reaction.retry_after.empty()) {
          response.set(beast::http::field::retry_after, reaction.retry_after);
        }
        response.keep_alive(reaction.keep_alive);
        response.body() = reaction.body;
        response.prepare_payload();
        beast::http::write(stream, response, error);
        return !error && reaction.keep_alive;
      }
      case Reaction::Kind::half_answer:
        asio::write(stream, asio::buffer(std::string_view("HTTP/1.1 200 O")), error);
        return false;
      case Reaction::Kind::reset:
        socket.set_option(asio::socket_base::linger(true, 0), error);
        return false;
      case Reaction::Kind::silence: {
        std::unique_lock lock(mutex_);
        over_.wait(lock, [&] { return stopping_.load(); });
        return false;
      }
    }
    return false;
  }

  React react_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::optional<asio::ssl::context> context_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable over_;
  std::vector<tcp::socket*> sockets_;
  std::list<std::thread> connections_;
  std::thread thread_;
};

HttpReceiver::HttpReceiver(React react, const std::filesystem::path& certificate)
    : impl_(std::make_unique<Impl>(std::move(react), certificate)) {}
HttpReceiver::~HttpReceiver() = default;

unsigned short HttpReceiver::port() const {
  return impl_->port();
}

std::string HttpReceiver::url(const std::string& host) const {
  return std::string(impl_->encrypted() ? "https://" : "http://") + host + ":" + std::to_string(port()) +
         "/in";
}

int HttpReceiver::connections() const {
  return impl_->made;
}

unsigned short closed_port() {
  asio::io_context io;
  return tcp::acceptor(io, {asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

}  // namespace holdfast::testing
