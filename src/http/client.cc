#include "http/client.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>

#include "http/response_reader.h"

namespace holdfast::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

constexpr std::size_t kMaxReplyBytes = std::size_t{64} << 10;

std::expected<ssl::context, std::string> make_context(const std::string& ca_file) {
  ssl::context context(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  context.set_verify_mode(ssl::verify_peer);
  error_code error;
  if (ca_file.empty()) {
    context.set_default_verify_paths(error);
  } else {
    context.load_verify_file(ca_file, error);
  }
  if (error) {
    return std::unexpected(fmt::format("the certificates of authorities in {} cannot be used: {}",
                                       ca_file.empty() ? "the system's store" : ca_file, error.message()));
  }
  return context;
}

bool is_end(const error_code& error) {
  return error == asio::error::eof || error == ssl::error::stream_truncated;
}

}  // namespace

/// Each step is an asynchronous one with a time limit, run to its end on the caller's thread.
class Client::Impl {
 public:
  Impl(Url url, ClientOptions options, ssl::context context)
      : url_(std::move(url)), options_(std::move(options)), context_(std::move(context)) {}

  std::expected<Reply, std::string> post(const std::vector<std::pair<std::string, std::string>>& fields,
                                         const std::string& body) {
    if (cancelled_) return std::unexpected(std::string("cancelled"));
    beast::http::request<beast::http::string_body> request(beast::http::verb::post, url_.target, 11);
    request.set(beast::http::field::host, url_.authority());
    request.set(beast::http::field::user_agent, options_.user_agent);
    for (const auto& [name, value] : fields) request.set(name, value);
    request.body() = body;
    request.prepare_payload();

    const bool kept = connected();
    bool answered = false;
    auto reply = exchange(request, answered);
    if (!reply && kept && !answered && !timed_out_ && !cancelled_) reply = exchange(request, answered);
    return reply;
  }

  void cancel() {
    cancelled_ = true;
    asio::post(io_, [this] {
      resolver_.cancel();
      if (connected()) socket().close();
    });
  }

 private:
  using Plain = beast::tcp_stream;
  using Encrypted = beast::ssl_stream<beast::tcp_stream>;

  [[nodiscard]] bool connected() const { return plain_.has_value() || encrypted_ != nullptr; }
  beast::tcp_stream& socket() { return encrypted_ ? beast::get_lowest_layer(*encrypted_) : *plain_; }
  void close() {
    plain_.reset();
    encrypted_.reset();
  }

  /// Starts `step(done)` and waits until `done(error, …)` was called.
  template <class Step>
  error_code run(Step step) {
    error_code result = asio::error::operation_aborted;
    step([&result](const error_code& error, auto&&...) { result = error; });
    io_.restart();
    io_.run();
    if (cancelled_) result = asio::error::operation_aborted;
    timed_out_ = result == beast::error::timeout;
    return result;
  }

  template <class Function>
  void with_stream(Function function) {
    encrypted_ ? function(*encrypted_) : function(*plain_);
  }

  [[nodiscard]] std::string failed(std::string_view what, const error_code& error) const {
    if (cancelled_) return "cancelled";
    if (error == beast::error::timeout) return fmt::format("{} {} took too long", what, url_.authority());
    return fmt::format("{} {}: {}", what, url_.authority(), error.message());
  }

  std::expected<Reply, std::string> exchange(const beast::http::request<beast::http::string_body>& request,
                                             bool& answered) {
    if (!connected()) {
      if (auto problem = connect()) {
        close();
        return std::unexpected(std::move(*problem));
      }
    }
    auto reply = send_and_read(request, answered);
    if (!reply) close();
    return reply;
  }

  std::optional<std::string> connect() {
    asio::ip::tcp::resolver::results_type addresses;
    auto error = run([&](auto done) {
      resolver_.async_resolve(url_.host, url_.port,
                              [&addresses, done](const error_code& failure, auto found) mutable {
                                addresses = std::move(found);
                                done(failure);
                              });
    });
    if (error) return failed("resolving", error);

    if (url_.encrypted) {
      encrypted_ = std::make_unique<Encrypted>(io_, context_);
    } else {
      plain_.emplace(io_);
    }
    socket().expires_after(options_.connect_timeout);
    error = run([&](auto done) { socket().async_connect(addresses, done); });
    if (error) return failed("connecting to", error);
    error_code ignored;
    socket().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    return url_.encrypted ? shake_hands() : std::nullopt;
  }

  std::optional<std::string> shake_hands() {
    error_code is_name;
    (void)asio::ip::make_address(url_.host, is_name);
    if (is_name) SSL_set_tlsext_host_name(encrypted_->native_handle(), url_.host.c_str());
    encrypted_->set_verify_callback(ssl::host_name_verification(url_.host));
    socket().expires_after(options_.connect_timeout);
    const auto error = run([&](auto done) { encrypted_->async_handshake(ssl::stream_base::client, done); });
    if (!error) return std::nullopt;
    const auto verified = SSL_get_verify_result(encrypted_->native_handle());
    if (verified != X509_V_OK) {
      return fmt::format("the certificate of {} is not accepted: {}", url_.authority(),
                         X509_verify_cert_error_string(verified));
    }
    return failed("TLS with", error);
  }

  std::expected<Reply, std::string> send_and_read(
      const beast::http::request<beast::http::string_body>& request, bool& answered) {
    socket().expires_after(options_.answer_timeout);
    auto error = run([&](auto done) {
      with_stream([&](auto& stream) { beast::http::async_write(stream, request, done); });
    });
    if (error) return std::unexpected(failed("sending to", error));

    ResponseReader reader(kMaxReplyBytes);
    std::string held;  // read, and not taken by the reader yet
    auto step = ResponseReader::Step::more;
    while (step == ResponseReader::Step::more) {
      std::array<char, 16'384> piece;
      std::size_t size = 0;
      error = run([&](auto done) {
        with_stream([&](auto& stream) {
          stream.async_read_some(asio::buffer(piece),
                                 [&size, done](const error_code& failure, std::size_t n) {
                                   size = n;
                                   done(failure);
                                 });
        });
      });
      answered = answered || size > 0;
      if (error) {
        step = is_end(error) ? reader.end() : ResponseReader::Step::broken;
        break;
      }
      held.append(piece.data(), size);
      const auto progress = reader.feed(held);
      held.erase(0, progress.taken);
      step = progress.step;
    }
    if (!reader.has_head()) {
      if (error) return std::unexpected(failed("waiting for an answer of", error));
      return std::unexpected(fmt::format("what {} answers is not HTTP/1.1", url_.authority()));
    }
    // The status is the answer; a body that does not come, or is too long, costs only the connection.
    if (step != ResponseReader::Step::complete || error || !reader.keep_alive() || !held.empty()) close();
    return Reply{.status = reader.status(),
                 .body = reader.take_body(),
                 .location = reader.location(),
                 .retry_after = reader.retry_after()};
  }

  Url url_;
  ClientOptions options_;
  ssl::context context_;
  asio::io_context io_;
  asio::ip::tcp::resolver resolver_{io_};
  std::optional<Plain> plain_;
  std::unique_ptr<Encrypted> encrypted_;
  bool timed_out_ = false;
  std::atomic<bool> cancelled_ = false;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

std::expected<std::unique_ptr<Client>, std::string> Client::make(Url url, ClientOptions options) {
  auto context = make_context(options.ca_file);
  if (!context) return std::unexpected(std::move(context.error()));
  return std::unique_ptr<Client>(
      new Client(std::make_unique<Impl>(std::move(url), std::move(options), std::move(*context))));
}

std::expected<Reply, std::string> Client::post(const std::vector<std::pair<std::string, std::string>>& fields,
                                               const std::string& body) {
  return impl_->post(fields, body);
}

void Client::cancel() {
  impl_->cancel();
}

}  // namespace holdfast::http
