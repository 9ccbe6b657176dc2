#include "http/connection.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "http/io_thread.h"

namespace holdfast::http {
namespace {

/// Smaller bodies are copied behind their head: one write is cheaper than two.
constexpr std::size_t kCopied = std::size_t{16} * 1024;
/// An unwanted body up to this size is read to its end, so that the connection can go on.
constexpr std::uint64_t kSkippedBody = std::uint64_t{64} * 1024;
/// Of what a client sends while it is being streamed to.
constexpr std::size_t kMaxUnread = std::size_t{64} * 1024;
constexpr auto kNever = std::chrono::nanoseconds::max();

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
           c == '-';
  });
}

}  // namespace

Connection::Connection(IoThread& thread, boost::asio::ip::tcp::socket socket, std::shared_ptr<SSL_CTX> tls,
                       std::string remote, bool surplus)
    : thread_(thread),
      socket_(std::move(socket)),
      stream_(socket_.native_handle(), std::move(tls)),
      reader_(thread.limits()),
      remote_(std::move(remote)),
      surplus_(surplus),
      deadline_(kNever) {}

void Connection::start() {
  set_deadline(stream_.encrypted() ? thread_.limits().head_time : thread_.limits().idle_time);
  wait_read();
}

void Connection::wait_read() {
  if (std::exchange(waits_read_, true)) return;
  socket_.async_wait(socket_.wait_read, [self = shared_from_this()](const boost::system::error_code&) {
    self->waits_read_ = false;
    self->ready();
  });
}

void Connection::wait_write() {
  if (std::exchange(waits_write_, true)) return;
  socket_.async_wait(socket_.wait_write, [self = shared_from_this()](const boost::system::error_code&) {
    self->waits_write_ = false;
    self->ready();
  });
}

void Connection::wait_for(ByteStream::State state) {
  state == ByteStream::State::wants_write ? wait_write() : wait_read();
}

void Connection::ready() {
  switch (phase_) {
    case Phase::idle:
    case Phase::head:
    case Phase::body:
    case Phase::skipping:
    case Phase::lingering:
      return read_more();
    case Phase::writing:
      write_more();
      if (phase_ == Phase::writing && source_) watch_client();
      return;
    case Phase::piece:
      return watch_client();
    case Phase::handling:
    case Phase::closed:
      return;
  }
}

void Connection::read_more() {
  const auto scratch = thread_.scratch();
  const auto moved = stream_.read(scratch);
  switch (moved.state) {
    case ByteStream::State::done:
      break;
    case ByteStream::State::wants_read:
    case ByteStream::State::wants_write:
      if (phase_ == Phase::idle && stream_.encrypted() && stream_.handshake_done() && turn_ == 0) {
        set_deadline(thread_.limits().idle_time);
        ++turn_;  // once
      }
      return wait_for(moved.state);
    case ByteStream::State::end:
      return client_ended();
    case ByteStream::State::plain:
      stream_.give_up_tls();
      return broken(400, "this port speaks TLS: ask with https://");
    case ByteStream::State::failed:
      return abort();
  }
  if (phase_ == Phase::lingering) return wait_read();
  const std::string_view fresh(scratch.data(), moved.size);
  if (unread_.empty()) {
    // Fed where it lies: only what is left over is copied.
    in_advance_ = true;
    auto rest = fresh;
    while (advance_once(rest)) {
    }
    in_advance_ = false;
    keep_unread(rest);
  } else {
    unread_ += fresh;
    advance();
  }
}

void Connection::client_ended() {
  half_closed_ = true;
  // A client that has asked may close its sending side and wait; one that has not is done.
  abort();
}

void Connection::watch_client() {
  if (half_closed_ || unread_.size() >= kMaxUnread || waits_read_) return;
  const auto scratch = thread_.scratch();
  const auto moved = stream_.read(scratch.first(std::min(scratch.size(), kMaxUnread)));
  switch (moved.state) {
    case ByteStream::State::done:
      unread_.append(scratch.data(), moved.size);
      if (unread_.size() < kMaxUnread) wait_read();
      return;
    case ByteStream::State::wants_read:
      return wait_read();
    case ByteStream::State::wants_write:
      return wait_write();
    case ByteStream::State::end:
      half_closed_ = true;
      if (phase_ == Phase::piece) set_deadline(thread_.limits().half_closed_time);
      return;
    case ByteStream::State::plain:
    case ByteStream::State::failed:
      return abort();
  }
}

void Connection::keep_unread(std::string_view bytes) {
  if (phase_ == Phase::closed || phase_ == Phase::lingering) return;
  unread_.assign(bytes);
}

void Connection::advance() {
  if (std::exchange(in_advance_, true)) return;
  const auto bytes = std::exchange(unread_, {});
  std::string_view rest = bytes;
  while (advance_once(rest)) {
  }
  in_advance_ = false;
  keep_unread(rest);
}

bool Connection::advance_once(std::string_view& bytes) {
  switch (phase_) {
    case Phase::idle:
    case Phase::head:
    case Phase::body:
    case Phase::skipping:
      break;
    default:
      return false;
  }
  if (bytes.empty() && (phase_ == Phase::idle || reader_.has_body() || phase_ == Phase::head)) {
    wait_read();
    return false;
  }
  if (phase_ == Phase::idle) {
    phase_ = Phase::head;
    set_deadline(thread_.limits().head_time);
  }
  const auto progress = reader_.feed(bytes);
  bytes.remove_prefix(progress.taken);
  switch (progress.step) {
    case RequestReader::Step::more:
      if (phase_ == Phase::body || phase_ == Phase::skipping) set_body_deadline();
      if (phase_ == Phase::skipping && reader_.body_bytes() > kSkippedBody) {
        end_politely();
      } else {
        wait_read();
      }
      return false;
    case RequestReader::Step::head:
      head_read();
      return true;
    case RequestReader::Step::complete:
      if (phase_ == Phase::skipping) {
        next_request();
      } else {
        request_read();
      }
      return true;
    case RequestReader::Step::broken:
      if (phase_ == Phase::skipping) {
        end_politely();
      } else {
        broken(reader_.problem().status, reader_.problem().detail);
      }
      return false;
  }
  return false;
}

void Connection::head_read() {
  auto& head = reader_.head();
  form_ = {.head_only = head.method == "HEAD",
           .http_1_0 = reader_.http_1_0(),
           .keep_alive = reader_.keep_alive()};
  request_id_ = head.field("x-request-id");
  if (!is_request_id(request_id_)) request_id_ = thread_.make_request_id();
  head.id = request_id_;
  head.remote = remote_;
  head.encrypted = stream_.encrypted();
  if (surplus_) return broken(503, "the server has as many connections as it takes: try again later");
  if (auto early = thread_.handler().check_head(head)) {
    if (!reader_.has_body()) return answer(std::move(*early));
    const auto length = reader_.content_length();
    if (early->close || reader_.expects_continue() || (length && *length > kSkippedBody) || early->source) {
      form_.keep_alive = false;  // what is a body, and what the next request, would not be sure
      return answer(std::move(*early));
    }
    reader_.discard_body();
    answer(std::move(*early));
    if (phase_ == Phase::writing && then_ == Then::next_request) then_ = Then::skip_body;
    if (phase_ == Phase::idle) phase_ = Phase::skipping;
    return;
  }
  if (reader_.too_large()) return broken(413, "the body is larger than this server reads");
  phase_ = Phase::body;
  body_began_ = thread_.now();
  if (!reader_.has_body()) return;
  set_body_deadline();
  if (reader_.expects_continue()) {
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    write(Then::body);
  }
}

void Connection::request_read() {
  phase_ = Phase::handling;
  deadline_ = kNever;
  const auto turn = ++turn_;
  Request request{.head = std::move(reader_.head()), .body = reader_.take_body()};
  auto owed = std::make_shared<Owed>(thread_.inbox(), weak_from_this(), turn);
  thread_.handler().handle(std::move(request), [owed = std::move(owed)](Response response) {
    owed->deliver(std::move(response));
  });
}

void Connection::deliver(std::uint64_t turn, Delivery what) {
  if (turn != turn_) return;
  if (phase_ == Phase::handling) {
    if (auto* const response = std::get_if<Response>(&what)) return answer(std::move(*response));
    return broken(500, "the request was given up without an answer");
  }
  if (phase_ == Phase::piece) {
    if (auto* const got = std::get_if<Piece>(&what)) return piece(std::move(*got));
    abort();  // a body that was given up must not look like one that ended
  }
}

void Connection::answer(Response response) {
  const auto end = body_end(response, form_);
  if (response.close || end == BodyEnd::close || thread_.draining()) form_.keep_alive = false;
  out_ = render_head(response, form_, end, request_id_, thread_.date());
  const auto then = form_.keep_alive ? Then::next_request : Then::close;
  if (form_.head_only || end == BodyEnd::none) return write(then);
  if (end == BodyEnd::length) {
    if (response.body.size() <= kCopied) {
      out_ += response.body;
    } else {
      body_ = std::move(response.body);
    }
    return write(then);
  }
  source_ = std::move(response.source);
  write(Then::piece);
}

void Connection::broken(int status, std::string_view detail) {
  if (request_id_.empty()) request_id_ = thread_.make_request_id();
  form_.keep_alive = false;
  auto response = thread_.handler().broken(status, detail, request_id_);
  response.close = true;
  answer(std::move(response));
}

void Connection::next_piece() {
  phase_ = Phase::piece;
  deadline_ = kNever;
  if (half_closed_) set_deadline(thread_.limits().half_closed_time);
  const auto turn = ++turn_;
  auto owed = std::make_shared<Owed>(thread_.inbox(), weak_from_this(), turn);
  // The source's own hold: what it does may lead to the end of this connection.
  const auto source = source_;
  source->next([owed = std::move(owed)](Piece piece) { owed->deliver(std::move(piece)); });
  if (phase_ == Phase::piece) watch_client();
}

void Connection::piece(Piece piece) {
  if (!piece || piece->empty()) {
    source_.reset();
    if (!form_.http_1_0) out_ = "0\r\n\r\n";
    return write(form_.keep_alive && !thread_.draining() ? Then::next_request : Then::close);
  }
  if (form_.http_1_0) {
    out_ = std::move(*piece);
    return write(Then::piece);
  }
  out_.clear();
  fmt::format_to(std::back_inserter(out_), FMT_COMPILE("{:x}\r\n"), piece->size());
  if (piece->size() <= kCopied) {
    out_ += *piece;
    out_ += "\r\n";
  } else {
    body_ = std::move(*piece);
    body_ += "\r\n";
  }
  write(Then::piece);
}

void Connection::write(Then then) {
  then_ = then;
  sent_ = 0;
  phase_ = Phase::writing;
  set_deadline(thread_.limits().write_time);
  unconfirmed_ = 0;
  write_more();
}

void Connection::write_more() {
  const auto total = out_.size() + body_.size();
  while (sent_ < total) {
    const bool first = sent_ < out_.size();
    const auto bytes = first ? std::string_view(out_).substr(sent_)
                             : std::string_view(body_).substr(sent_ - out_.size());
    const auto moved = stream_.write(bytes, first && !body_.empty());
    switch (moved.state) {
      case ByteStream::State::done:
        sent_ += moved.size;
        set_deadline(thread_.limits().write_time);
        break;
      case ByteStream::State::wants_read:
      case ByteStream::State::wants_write:
        unconfirmed_ = stream_.unconfirmed();
        return wait_for(moved.state);
      case ByteStream::State::end:
      case ByteStream::State::plain:
      case ByteStream::State::failed:
        return abort();
    }
  }
  out_.clear();
  if (body_.capacity() > kCopied) body_ = {};
  body_.clear();
  sent_ = 0;
  written();
}

void Connection::written() {
  switch (then_) {
    case Then::next_request:
      next_request();
      break;
    case Then::body:
      phase_ = Phase::body;
      set_body_deadline();
      break;
    case Then::skip_body:
      phase_ = Phase::skipping;
      body_began_ = thread_.now();
      set_body_deadline();
      break;
    case Then::piece:
      return next_piece();
    case Then::close:
      return end_politely();
  }
  if (!in_advance_) advance();
}

void Connection::next_request() {
  ++turn_;
  phase_ = Phase::idle;
  reader_.reset();
  request_id_.clear();
  if (out_.capacity() > kCopied) out_ = {};
  set_deadline(thread_.limits().idle_time);
  if (half_closed_ && unread_.empty() && !in_advance_) return abort();
  if (thread_.draining()) end_politely();
}

void Connection::end_politely() {
  source_.reset();
  unread_ = {};
  stream_.finish();
  if (half_closed_) return abort();
  phase_ = Phase::lingering;
  set_deadline(thread_.limits().linger_time);
  wait_read();
}

void Connection::set_deadline(std::chrono::milliseconds from_now) { deadline_ = thread_.now() + from_now; }

void Connection::set_body_deadline() {
  const auto& limits = thread_.limits();
  const auto earned = std::chrono::milliseconds(reader_.body_bytes() * 1000 / limits.body_bytes_per_s);
  deadline_ = body_began_ + limits.body_time + earned;
}

void Connection::check_deadline(std::chrono::nanoseconds now) {
  if (now < deadline_) return;
  switch (phase_) {
    case Phase::head:
      return broken(408, "the head did not come in time");
    case Phase::body:
      return broken(408, "the body did not come in time");
    case Phase::writing: {
      const auto left = stream_.unconfirmed();
      if (left < unconfirmed_) {  // slow, but it reads
        unconfirmed_ = left;
        return set_deadline(thread_.limits().write_time);
      }
      return abort();
    }
    case Phase::idle:
      if (turn_ > 0 || !stream_.encrypted()) stream_.finish();
      return abort();
    case Phase::piece:
    case Phase::skipping:
    case Phase::lingering:
      return abort();
    case Phase::handling:
    case Phase::closed:
      return;
  }
}

void Connection::drain() {
  if (phase_ != Phase::idle) return;
  stream_.finish();
  abort();
}

void Connection::abort() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  ++turn_;
  deadline_ = kNever;
  source_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
  thread_.forget(*this);
}

}  // namespace holdfast::http
