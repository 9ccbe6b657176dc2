// What a server hands to its handler and gets back. No Beast here: handlers are compiled, and tested, without
// it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::http {

/// A request's line and header fields.
struct Head {
  std::string method;                                       // `GET`, as it was sent
  std::string target;                                       // as it was sent: path and query, percent-encoded
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case, in the order they came
  std::string remote;                                       // the client's address, without its port
  std::string id;  // the request's, for logs: the client's own X-Request-Id or one that was made
  bool encrypted = false;

  /// The field's value, empty where there is none. A field that came twice has its values joined by ", ".
  /// \param name  in lower case
  [[nodiscard]] std::string field(std::string_view name) const {
    std::string value;
    for (const auto& [each, text] : fields) {
      if (each == name) value += value.empty() ? text : ", " + text;
    }
    return value;
  }
};

struct Request {
  Head head;
  std::string body;
};

/// A body that is made while it is sent: a long download, or events as they come. It is destroyed when it is
/// at its end or the client has gone; `give` may be called after that, and does nothing.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Called on an I/O thread once the piece before was written; must not block. `give` is called once, from
  /// any thread: the next piece (not empty), or none at the end. A source that cannot go on lets go of `give`
  /// without calling it: the connection is then cut before the body's end, so that no client takes what it
  /// has for the whole.
  virtual void next(std::function<void(std::optional<std::string>)> give) = 0;
  /// Why it let go of `give`, in words for a log. Asked only then.
  [[nodiscard]] virtual std::string why() const { return {}; }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>>
      fields{};                          // besides Content-Type, -Length, Date, X-Request-Id
  std::shared_ptr<BodySource> source{};  // in place of `body`, sent in chunks
  bool close = false;                    // the connection, after this answer
  std::string_view tag{};                // what it was, for logs: a problem's code; not sent
};

/// Called once, from any thread. Where every copy of it goes without having been called, the request is
/// answered `broken` with 500.
using Respond = std::function<void(Response)>;

/// Why a request is answered with 500.
inline constexpr std::string_view kUnanswered =
    "the server lost track of the request, which may have been carried out: look what became of it, or send "
    "it again under the same key";

/// What answers requests. Called on an I/O thread; must not block or throw.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Before the body is read: an answer given here is final, and no body is read for it. For what can be
  /// told from the head alone: who asks, whether there is such a path, whether there is room.
  [[nodiscard]] virtual std::optional<Response> check_head(const Head& head) = 0;
  virtual void handle(Request request, Respond respond) = 0;
  /// The answer to what is no request, or was let go of, in the handler's own form.
  /// \param status  400, 408, 413, 431, 500, 503, 505
  [[nodiscard]] virtual Response broken(int status, std::string_view detail,
                                        const std::string& request_id) = 0;
};

}  // namespace holdfast::http
