// Reads one request from bytes as they come, whatever pieces they come in. Over the parser of Boost.Beast,
// and stricter: what two programs could read differently (two lengths, an encoding besides chunked, a host
// that is not there, a field over two lines) is refused, since that is how requests are smuggled past a
// proxy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/limits.h"
#include "http/message.h"

namespace holdfast::http {

class RequestReader {
 public:
  enum class Step : std::uint8_t {
    more,      // all bytes that are of use were taken: come again with what is left and more
    head,      // the head is complete, said once; the body comes next, if there is one
    complete,  // the request is
    broken,    // see `problem`; nothing more can be read from this client
  };
  struct Progress {
    std::size_t taken = 0;  // bytes from the front; the rest is to be given again
    Step step = Step::more;
  };
  struct Problem {
    int status = 400;
    std::string_view detail;
  };

  explicit RequestReader(const Limits& limits);
  ~RequestReader();
  RequestReader(RequestReader&&) = delete;
  RequestReader& operator=(RequestReader&&) = delete;

  /// Ready for the next request.
  void reset();

  [[nodiscard]] Progress feed(std::string_view bytes);

  /// Of `broken`.
  [[nodiscard]] Problem problem() const;

  // After `head`:

  /// Without `remote`, `id` and `encrypted`, which are not for a client to say.
  [[nodiscard]] Head& head();
  /// None: the body is chunked.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;
  /// The length that the client announces is beyond `Limits::max_body_bytes`.
  [[nodiscard]] bool too_large() const;
  [[nodiscard]] bool has_body() const;
  /// The client waits for `100 Continue` before it sends the body.
  [[nodiscard]] bool expects_continue() const;
  /// The client can read another answer on this connection.
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool http_1_0() const;
  /// Body bytes that came so far.
  [[nodiscard]] std::uint64_t body_bytes() const;
  /// From here on the body is read but not kept.
  void discard_body();
  /// After `complete`.
  [[nodiscard]] std::string take_body();

 private:
  class Parser;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::http
