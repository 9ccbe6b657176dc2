// One client: its requests, one at a time and in order, and their answers. Lives on one I/O thread; everything
// here is called there.
#pragma once

#include <openssl/types.h>

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/byte_stream.h"
#include "http/inbox.h"
#include "http/message.h"
#include "http/request_reader.h"
#include "http/response_head.h"

namespace holdfast::http {

class IoThread;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// \param surplus  beyond `Limits::max_connections`: its first request is answered with 503
  Connection(IoThread& thread, boost::asio::ip::tcp::socket socket, std::shared_ptr<SSL_CTX> tls,
             std::string remote, bool surplus);

  void start();
  /// What was asked for in `turn`; a later turn has forgotten it.
  void deliver(std::uint64_t turn, Delivery what);
  void check_deadline(std::chrono::nanoseconds now);
  /// Closes where no request is under way; otherwise its answer is the last.
  void drain();
  /// Closes now; harmless when it is closed.
  void abort();

  std::size_t place = 0;  // the I/O thread's own: where it keeps this connection

 private:
  enum class Phase : std::uint8_t {
    idle,       // no byte of a request came
    head,       // some did
    body,       //
    handling,   // the handler has it
    writing,    // what `out_` and `body_` hold
    piece,      // the body's source is asked for more
    skipping,   // reads a body that nobody wants, to find the next request
    lingering,  // the answer was the last; the client is to see it before the connection ends
    closed,
  };
  enum class Then : std::uint8_t { next_request, body, piece, skip_body, close };

  void wait_read();
  void wait_write();
  void wait_for(ByteStream::State state);
  void ready();

  void read_more();
  void client_ended();
  void watch_client();
  /// Feeds the reader what was read, as far as a request is wanted.
  void advance();
  /// One step of the reader; false: nothing more is to be read now.
  bool advance_once(std::string_view& bytes);
  void keep_unread(std::string_view bytes);
  void head_read();
  void request_read();

  void answer(Response response);
  void broken(int status, std::string_view detail);
  void piece(Piece piece);
  void next_piece();
  void write(Then then);
  void write_more();
  void written();
  void next_request();
  void end_politely();

  void set_deadline(std::chrono::milliseconds from_now);
  void set_body_deadline();

  IoThread& thread_;
  boost::asio::ip::tcp::socket socket_;
  ByteStream stream_;
  RequestReader reader_;
  std::string remote_;
  bool surplus_;

  Phase phase_ = Phase::idle;
  Then then_ = Then::next_request;
  bool waits_read_ = false;
  bool waits_write_ = false;
  bool in_advance_ = false;
  bool half_closed_ = false;
  std::uint64_t turn_ = 0;
  std::chrono::nanoseconds deadline_;
  std::chrono::nanoseconds body_began_{};
  std::size_t unconfirmed_ = 0;  // when the client last took something

  std::string unread_;  // read, and not yet fed to the reader
  AnswerForm form_;
  std::string request_id_;
  std::string out_;   // written first: heads, small bodies
  std::string body_;  // then this
  std::size_t sent_ = 0;
  std::shared_ptr<BodySource> source_;
};

}  // namespace holdfast::http
