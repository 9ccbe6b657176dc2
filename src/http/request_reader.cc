#include "http/request_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

namespace holdfast::http {
namespace {

namespace beast = boost::beast;

constexpr std::size_t kMaxFields = 128;
/// A chunked body's end, `0 CRLF CRLF`: wherever such a body can be cut, this much is still to come.
constexpr std::size_t kShortestRest = 5;
/// How much room a body is given before its bytes are there: what a client announces costs it nothing.
constexpr std::uint64_t kMaxReserve = std::uint64_t{256} * 1024;
constexpr std::string_view kLongChunkHeader =
    "a chunk's size line, or what follows the last chunk, is too long";

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool is_control(char c) {
  return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7f';
}

/// A field that goes on in the next line, which only begins with a space.
bool has_folded_line(std::string_view head) {
  for (auto at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    if (at + 1 < head.size() && (head[at + 1] == ' ' || head[at + 1] == '\t')) return true;
  }
  return false;
}

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

/// Hands what Beast finds to a `Head` and a body.
class RequestReader::Parser final : public beast::http::basic_parser<true> {
 public:
  explicit Parser(const Limits& limits) : limits_(&limits) {
    // Its own limit counts from wherever it was interrupted; `feed` counts the whole head.
    header_limit(static_cast<std::uint32_t>(limits.max_head_bytes));
    body_limit(boost::none);
    eager(false);
  }

  Head head;
  std::string body;
  std::uint64_t body_bytes = 0;
  bool discard = false;
  Problem problem;

  /// A chunk's size line, with what may be around it, was just read.
  [[nodiscard]] bool take_chunk_header() { return std::exchange(chunk_header_, false); }
  [[nodiscard]] bool has_transfer_encoding() const { return has_transfer_encoding_; }
  [[nodiscard]] bool has_host() const { return has_host_; }
  /// 11 is HTTP/1.1.
  [[nodiscard]] int version() const { return version_; }

 private:
  using Error = beast::error_code;

  void refuse(int status, std::string_view detail, Error& error) {
    problem = {status, detail};
    error = beast::http::error::bad_value;
  }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       Error& error) override {
    error = {};
    version_ = version;
    head.method = view(method);
    head.target = view(target);
    head.fields.reserve(12);
  }

  void on_response_impl(int, beast::string_view, int, Error&) override {}

  void on_field_impl(beast::http::field field, beast::string_view name, beast::string_view value,
                     Error& error) override {
    error = {};
    if (is_header_done()) return;  // a trailer: nothing that a head says may be said again after it
    switch (field) {
      case beast::http::field::content_length:
        if (std::exchange(has_length_, true)) return refuse(400, "Content-Length is given twice", error);
        if (!std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
          return refuse(400, "Content-Length is not one number", error);
        }
        break;
      case beast::http::field::transfer_encoding:
        if (std::exchange(has_transfer_encoding_, true)) {
          return refuse(400, "Transfer-Encoding is given twice", error);
        }
        if (lower_case(view(value)) != "chunked") {
          return refuse(400, "Transfer-Encoding is not chunked, the only one that is read here", error);
        }
        break;
      case beast::http::field::host:
        if (std::exchange(has_host_, true)) return refuse(400, "Host is given twice", error);
        break;
      default:
        break;
    }
    if (has_length_ && has_transfer_encoding_) {
      return refuse(400, "Content-Length and Transfer-Encoding are both given", error);
    }
    if (head.fields.size() == kMaxFields) return refuse(431, "more than 128 header fields", error);
    head.fields.emplace_back(lower_case(view(name)), view(value));
  }

  void on_header_impl(Error& error) override { error = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error& error) override {
    error = {};
    if (length && !discard) body.reserve(static_cast<std::size_t>(std::min(*length, kMaxReserve)));
  }
  std::size_t on_body_impl(beast::string_view bytes, Error& error) override { return take(bytes, error); }
  void on_chunk_header_impl(std::uint64_t size, beast::string_view extensions, Error& error) override {
    error = {};
    chunk_header_ = true;
    // Beast lets a quoted text have any byte; where others see the end of a line there, the bodies differ.
    if (std::ranges::any_of(extensions, is_control))
      return refuse(400, "a chunk's size line is wrong", error);
    if (size > limits_->max_body_bytes || body_bytes > limits_->max_body_bytes - size) {
      refuse(413, "the body is larger than this server reads", error);
    }
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, Error& error) override {
    return take(bytes, error);
  }
  void on_finish_impl(Error& error) override { error = {}; }

  std::size_t take(beast::string_view bytes, Error& error) {
    error = {};
    body_bytes += bytes.size();
    if (!discard) body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  const Limits* limits_;
  bool has_length_ = false;
  bool has_transfer_encoding_ = false;
  bool has_host_ = false;
  bool chunk_header_ = false;
  int version_ = 11;
};

struct RequestReader::State {
  explicit State(const Limits& the_limits) : limits(&the_limits), parser(std::in_place, the_limits) {}

  const Limits* limits;
  std::optional<Parser> parser;
  std::size_t head_bytes = 0;
  bool head_said = false;

  [[nodiscard]] Progress feed(std::string_view bytes);
  [[nodiscard]] Progress refuse(int status, std::string_view detail) {
    parser->problem = {.status = status, .detail = detail};
    return {.taken = 0, .step = Step::broken};
  }
  /// What Beast has against the bytes, in words, unless we were the ones.
  [[nodiscard]] Progress broken(const beast::error_code& code, std::string_view rest);
  [[nodiscard]] Progress head_complete(std::size_t taken);
};

RequestReader::Progress RequestReader::State::broken(const beast::error_code& code, std::string_view rest) {
  using beast::http::error;
  if (!parser->problem.detail.empty()) return {.taken = 0, .step = Step::broken};
  if (code == error::header_limit) return refuse(431, "the head is larger than this server reads");
  if (code == error::bad_version) {
    const auto line = rest.substr(0, rest.find('\r'));
    const auto version = line.substr(line.rfind(' ') + 1);
    if (version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.') {
      return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
  }
  if (code == error::bad_chunk || code == error::bad_chunk_extension) {
    return refuse(400, "a chunk's size line is wrong");
  }
  if (code == error::bad_content_length) return refuse(400, "Content-Length is not a number of bytes");
  if (head_said) return refuse(400, "the body is not well-formed");
  if (parser->head.method.empty()) return refuse(400, "the request line is not well-formed");
  return refuse(400, "a header field is not well-formed");
}

RequestReader::Progress RequestReader::State::head_complete(std::size_t taken) {
  head_said = true;
  if (parser->version() == 11 && !parser->has_host()) return refuse(400, "Host is missing");
  if (parser->version() == 10 && parser->has_transfer_encoding()) {
    return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
  }
  return {.taken = taken, .step = Step::head};
}

RequestReader::Progress RequestReader::State::feed(std::string_view bytes) {
  std::size_t taken = 0;
  if (head_bytes == 0) {
    // Old clients end a body with a line of their own.
    while (bytes.substr(taken).starts_with("\r\n")) taken += 2;
    if (bytes.substr(taken) == "\r") return {.taken = taken, .step = Step::more};
  }
  while (true) {
    const auto rest = bytes.substr(taken);
    if (!parser->problem.detail.empty()) return {.taken = 0, .step = Step::broken};
    if (head_said && parser->is_done()) return {.taken = taken, .step = Step::complete};
    // Beast asserts that what it was interrupted in has grown to its shortest possible end.
    if (rest.empty() || (parser->chunked() && head_said && rest.size() < kShortestRest)) break;
    beast::error_code code;
    const auto used = parser->put(boost::asio::const_buffer(rest.data(), rest.size()), code);
    taken += used;
    if (!head_said) {
      // A field is taken whole, so that its lines are never apart here.
      if (has_folded_line(rest.substr(0, used))) return refuse(400, "a header field goes on in another line");
      head_bytes += used;
      const auto size = head_bytes + (code == beast::http::error::need_more ? rest.size() - used : 0);
      if (size > limits->max_head_bytes) return refuse(431, "the head is larger than this server reads");
    }
    if (code == beast::http::error::need_more) {
      if (head_said && rest.size() - used > limits->max_head_bytes) return refuse(400, kLongChunkHeader);
      break;
    }
    if (code) return broken(code, rest.substr(used));
    if (parser->take_chunk_header() && used > limits->max_head_bytes) return refuse(400, kLongChunkHeader);
    if (!head_said && parser->is_header_done()) return head_complete(taken);
  }
  return {.taken = taken, .step = Step::more};
}

RequestReader::RequestReader(const Limits& limits) : state_(std::make_unique<State>(limits)) {}
RequestReader::~RequestReader() = default;

void RequestReader::reset() {
  state_->parser.emplace(*state_->limits);
  state_->head_bytes = 0;
  state_->head_said = false;
}

RequestReader::Progress RequestReader::feed(std::string_view bytes) {
  return state_->feed(bytes);
}
RequestReader::Problem RequestReader::problem() const {
  return state_->parser->problem;
}
Head& RequestReader::head() {
  return state_->parser->head;
}
std::uint64_t RequestReader::body_bytes() const {
  return state_->parser->body_bytes;
}
bool RequestReader::keep_alive() const {
  return state_->parser->keep_alive();
}
bool RequestReader::http_1_0() const {
  return state_->parser->version() == 10;
}
std::string RequestReader::take_body() {
  return std::move(state_->parser->body);
}

std::optional<std::uint64_t> RequestReader::content_length() const {
  if (state_->parser->chunked()) return std::nullopt;
  const auto length = state_->parser->content_length();
  return length ? *length : 0;
}

bool RequestReader::too_large() const {
  const auto length = content_length();
  return length && *length > state_->limits->max_body_bytes;
}

bool RequestReader::has_body() const {
  return !state_->parser->is_done();
}

bool RequestReader::expects_continue() const {
  return !http_1_0() && lower_case(state_->parser->head.field("expect")) == "100-continue";
}

void RequestReader::discard_body() {
  state_->parser->discard = true;
  state_->parser->body.clear();
}

}  // namespace holdfast::http
