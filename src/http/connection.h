// One client: reads its requests one after the other, and writes what they are answered.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/byte_stream.h"
#include "http/loop.h"
#include "http/message.h"
#include "http/request_reader.h"

namespace holdfast::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// \param refused  beyond the limit of connections: it is told so, and closed
  Connection(Loop& loop, boost::asio::ip::tcp::socket socket, std::shared_ptr<SSL_CTX> tls, bool refused);

  // On the loop's thread:
  void start();
  void answer(std::uint64_t request, Response response);
  void piece(std::uint64_t request, std::optional<std::string> piece);
  /// In place of either: whoever owed it has let go of it.
  void nothing_comes(std::uint64_t request);
  /// Closes what has no request under way.
  void drain();
  void check_time();
  /// Ends it at once.
  void cut();

 private:
  enum class Phase : std::uint8_t {
    idle,       // no byte of a request yet
    head,       // a part of its head came
    body,       // its head is read
    waiting,    // the handler has it
    writing,    // its answer is being written
    streaming,  // its answer's source is asked for the next piece
    lingering,  // the last answer is out; what still comes is thrown away
    gone,
  };

  void wait_to_read();
  void wait_to_write();
  void readable();
  /// Takes requests out of what was read, as far as that goes.
  void advance();
  [[nodiscard]] bool feed();
  void head_is_read();
  void request_is_read();
  void hand_over();
  void refuse(int status, std::string_view detail);
  void begin_answer(Response response);
  void write();
  void written();
  void next_piece();
  void linger();
  void enter(Phase phase);

  Loop& loop_;
  boost::asio::ip::tcp::socket socket_;
  ByteStream stream_;
  RequestReader reader_;
  std::string in_;   // read, and not taken by the reader yet
  std::string out_;  // to be written, from `written_` on
  std::size_t written_ = 0;
  std::shared_ptr<BodySource> source_;
  std::chrono::nanoseconds since_{};  // of the phase, or of the last byte written
  std::uint64_t request_ = 0;         // counts them
  std::string remote_;
  std::string request_id_;
  Phase phase_ = Phase::idle;
  bool refused_;
  bool reading_ = false;  // waits for the socket
  bool write_waits_ = false;
  bool ended_ = false;             // the client sends no more
  bool close_ = false;             // after this answer
  bool without_body_ = false;      // the answer, as for HEAD
  bool chunked_ = false;           // the answer is sent in chunks
  bool continue_ = false;          // `100 Continue` is being written
  bool advancing_ = false;         // `advance` is running
  std::optional<Response> early_;  // given for the head; sent once the body was read and thrown away
};

}  // namespace holdfast::http
