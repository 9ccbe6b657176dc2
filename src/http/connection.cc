#include "http/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "http/response_head.h"

namespace holdfast::http {

namespace {

/// What a client may send ahead of the answer that it waits for.
constexpr std::size_t kMostAhead = 65'536;
/// A body that nobody wants is read to its end up to this, so that the connection can go on.
constexpr std::uint64_t kMostDiscarded = std::uint64_t{256} * 1024;
constexpr int kMostDiscardedReads = 16;
/// A small body goes out with the head.
constexpr std::size_t kSmallBody = 65'536;

bool is_id(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

Connection::Connection(Loop& loop, boost::asio::ip::tcp::socket socket, std::shared_ptr<SSL_CTX> tls,
                       bool refused)
    : loop_(loop),
      socket_(std::move(socket)),
      stream_(socket_.native_handle(), std::move(tls)),
      reader_(loop.limits()),
      since_(loop.now()),
      refused_(refused) {
  boost::system::error_code ignored;
  const auto remote = socket_.remote_endpoint(ignored);
  if (!ignored) remote_ = remote.address().to_string();
}

void Connection::start() {
  enter(stream_.handshake_done() ? Phase::idle : Phase::head);  // a handshake has a head's time
  readable();
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = loop_.now();
}

void Connection::wait_to_read() {
  if (reading_ || ended_ || phase_ == Phase::gone || in_.size() >= kMostAhead) return;
  reading_ = true;
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->reading_ = false;
                       if (error || self->phase_ == Phase::gone) return;
                       self->loop_.on_ready([&] {
                         self->readable();
                         // TLS may have waited for bytes to be able to write.
                         if (self->phase_ == Phase::writing && !self->write_waits_) self->write();
                       });
                     });
}

void Connection::wait_to_write() {
  if (write_waits_ || phase_ == Phase::gone) return;
  write_waits_ = true;
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->write_waits_ = false;
                       if (error || self->phase_ == Phase::gone) return;
                       self->loop_.on_ready([&] { self->write(); });
                     });
}

void Connection::readable() {
  auto& scratch = loop_.scratch();
  int discarded = 0;
  while (in_.size() < kMostAhead && !ended_) {
    const auto [state, size] = stream_.read(scratch);
    if (state == ByteStream::State::done) {
      if (phase_ == Phase::lingering) {
        if (++discarded == kMostDiscardedReads) break;  // others have their turn
        continue;
      }
      in_.append(scratch.data(), size);
      if (phase_ <= Phase::body) advance();
      if (phase_ == Phase::gone) return;
      if (size < scratch.size() && !stream_.encrypted()) break;  // there is no more now
      continue;
    }
    if (state == ByteStream::State::wants_write) return wait_to_write();  // TLS has something to say first
    if (state == ByteStream::State::wants_read) break;
    if (state == ByteStream::State::plain) {
      stream_.give_up_tls();
      in_.clear();
      refuse(400, "this port speaks TLS: use https://");
      return;
    }
    if (state == ByteStream::State::failed) return cut();
    ended_ = true;
    // Nothing is under way, or what is can never be complete.
    if (phase_ <= Phase::body || phase_ == Phase::lingering) return cut();
  }
  if (refused_ && phase_ <= Phase::head && stream_.handshake_done()) {
    refuse(503, "too many connections are open: try again in a moment");
    return;
  }
  if (phase_ == Phase::head && in_.empty() && request_ == 0 && stream_.handshake_done() &&
      reader_.head().method.empty()) {
    enter(Phase::idle);
  }
  wait_to_read();
}

void Connection::advance() {
  if (advancing_) return;  // an answer was written at once: the loop below goes on
  advancing_ = true;
  while (phase_ <= Phase::body && !in_.empty() && feed()) {
  }
  advancing_ = false;
  if (ended_ && phase_ <= Phase::body) return cut();
  if (in_.empty() && in_.capacity() > kMostAhead) in_.shrink_to_fit();
}

/// False: the reader needs more bytes.
bool Connection::feed() {
  if (phase_ == Phase::idle) enter(Phase::head);
  const auto [taken, step] = reader_.feed(in_);
  in_.erase(0, taken);
  switch (step) {
    case RequestReader::Step::more:
      return false;
    case RequestReader::Step::head:
      head_is_read();
      if (phase_ == Phase::body && !reader_.has_body()) request_is_read();
      return true;
    case RequestReader::Step::complete:
      request_is_read();
      return true;
    case RequestReader::Step::broken: {
      const auto [status, detail] = reader_.problem();
      early_.reset();
      refuse(status, detail);
      return true;
    }
  }
  return false;
}

void Connection::head_is_read() {
  enter(Phase::body);
  auto& head = reader_.head();
  head.remote = remote_;
  head.encrypted = stream_.encrypted();
  head.id = head.field("x-request-id");
  if (!is_id(head.id)) head.id = loop_.make_request_id();
  request_id_ = head.id;
  without_body_ = head.method == "HEAD";
  if (reader_.too_large()) {
    return refuse(
        413, fmt::format("the body has more than {} bytes: send it in parts", loop_.limits().max_body_bytes));
  }
  early_ = loop_.handler().check_head(head);
  if (early_) {
    const auto length = reader_.content_length();
    if (reader_.has_body() && (!length || *length > kMostDiscarded || reader_.expects_continue())) {
      auto response = *std::exchange(early_, std::nullopt);
      response.close = true;
      return begin_answer(std::move(response));
    }
    return reader_.discard_body();
  }
  if (reader_.has_body() && reader_.expects_continue()) {
    continue_ = true;
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    write();
  }
}

void Connection::request_is_read() {
  if (early_) {
    begin_answer(*std::exchange(early_, std::nullopt));
  } else {
    hand_over();
  }
}

void Connection::hand_over() {
  Request request{std::move(reader_.head()), reader_.take_body()};
  close_ = !reader_.keep_alive();
  chunked_ = !reader_.http_1_0();
  enter(Phase::waiting);
  ++request_;
  auto reply = std::make_shared<Reply>(loop_.mailbox(), weak_from_this(), request_);
  loop_.handler().handle(std::move(request),
                         [reply = std::move(reply)](Response response) { reply->put(std::move(response)); });
}

void Connection::refuse(int status, std::string_view detail) {
  if (request_id_.empty()) request_id_ = loop_.make_request_id();
  auto response = loop_.handler().broken(status, detail, request_id_);
  response.close = true;
  begin_answer(std::move(response));
}

void Connection::answer(std::uint64_t request, Response response) {
  if (phase_ != Phase::waiting || request != request_) return;
  begin_answer(std::move(response));
}

void Connection::begin_answer(Response response) {
  // Before a head was read the reader cannot say what the client speaks.
  const bool read = phase_ >= Phase::body && phase_ != Phase::lingering;
  if (phase_ < Phase::waiting) {
    close_ = !read || !reader_.keep_alive();
    chunked_ = read && !reader_.http_1_0();
    ++request_;
  }
  const bool has_body = response.status >= 200 && response.status != 204 && response.status != 304;
  const bool streams = response.source && has_body;
  close_ = close_ || response.close || loop_.draining() || (streams && !chunked_);

  out_.erase(0, written_);  // what may be left of a `100 Continue`
  written_ = 0;
  continue_ = false;
  const AnswerForm form{.http_1_0 = !chunked_, .keep_alive = !close_};
  out_ += render_head(response, form, body_end(response, form), request_id_, loop_.date());
  if (streams && !without_body_) source_ = std::move(response.source);
  if (has_body && !streams && !without_body_) {
    if (response.body.size() > kSmallBody) {
      // The head alone is copied.
      response.body.insert(0, out_);
      out_ = std::move(response.body);
    } else {
      out_ += response.body;
    }
  }
  enter(Phase::writing);
  write();
}

void Connection::write() {
  while (written_ < out_.size()) {
    const auto [state, size] = stream_.write(std::string_view(out_).substr(written_));
    if (state == ByteStream::State::done) {
      written_ += size;
      since_ = loop_.now();
      continue;
    }
    if (state == ByteStream::State::wants_write) return wait_to_write();
    if (state == ByteStream::State::wants_read) return wait_to_read();
    return cut();
  }
  if (phase_ != Phase::gone) written();
}

void Connection::written() {
  out_.clear();
  if (out_.capacity() > kMostAhead) out_.shrink_to_fit();
  written_ = 0;
  if (std::exchange(continue_, false)) return;
  if (phase_ != Phase::writing) return readable();  // TLS had something to say
  if (source_) return next_piece();
  if (close_ || (ended_ && in_.empty())) return linger();
  reader_.reset();
  request_id_.clear();
  without_body_ = false;
  enter(Phase::idle);
  if (advancing_) return;  // and reads on
  advance();
  stream_.holds_bytes() ? readable() : wait_to_read();
}

void Connection::next_piece() {
  enter(Phase::streaming);
  auto reply = std::make_shared<Reply>(loop_.mailbox(), weak_from_this(), request_);
  source_->next([reply = std::move(reply)](Mailbox::Piece piece) { reply->put(std::move(piece)); });
  wait_to_read();  // to notice that the client goes
}

void Connection::piece(std::uint64_t request, std::optional<std::string> piece) {
  if (phase_ != Phase::streaming || request != request_) return;
  if (piece && piece->empty()) return next_piece();  // it would mean the end
  enter(Phase::writing);
  if (!piece) {
    source_.reset();
    if (chunked_) out_ = "0\r\n\r\n";
  } else if (chunked_) {
    out_ = fmt::format("{:x}\r\n{}\r\n", piece->size(), *piece);
  } else {
    out_ = std::move(*piece);
  }
  write();
}

void Connection::nothing_comes(std::uint64_t request) {
  if (request != request_) return;
  if (phase_ == Phase::waiting) {
    refuse(500, kUnanswered);
  } else if (phase_ == Phase::streaming) {
    // Without chunks only a reset tells the client that the end of the bytes is not the end of the body.
    boost::system::error_code ignored;
    if (!chunked_) socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    cut();
  }
}

/// Closing at once what the client still writes to would throw away the answer under way to it.
void Connection::linger() {
  in_.clear();
  stream_.finish();
  if (ended_) return cut();
  enter(Phase::lingering);
  readable();
}

void Connection::drain() {
  if (phase_ == Phase::idle) cut();
}

void Connection::check_time() {
  const auto& limits = loop_.limits();
  const auto took = loop_.now() - since_;
  switch (phase_) {
    case Phase::idle:
      if (took > limits.idle_time || loop_.draining()) cut();
      break;
    case Phase::head:
      if (took <= limits.head_time) break;
      if (!stream_.handshake_done()) return cut();
      refuse(408, "the head of the request did not come in time");
      break;
    case Phase::body: {
      const auto more = std::chrono::milliseconds(1'000 * reader_.body_bytes() / limits.body_bytes_per_s);
      if (took <= limits.body_time + more) break;
      early_.reset();
      refuse(408, "the body of the request did not come in time");
      break;
    }
    case Phase::writing:
      if (took > limits.write_time) cut();
      break;
    case Phase::streaming:
      if (ended_ && took > limits.half_closed_time) cut();
      break;
    case Phase::lingering:
      if (took > limits.linger_time) cut();
      break;
    case Phase::waiting:
    case Phase::gone:
      break;
  }
}

void Connection::cut() {
  if (phase_ == Phase::gone) return;
  const auto self = shared_from_this();
  phase_ = Phase::gone;
  source_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
  loop_.remove(self);
}

}  // namespace holdfast::http
