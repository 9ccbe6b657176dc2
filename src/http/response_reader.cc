#include "http/response_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

namespace holdfast::http {
namespace {

namespace beast = boost::beast;

constexpr std::size_t kMaxHeadBytes = std::size_t{64} * 1024;
/// See RequestReader: Beast asserts that a chunked body which it was interrupted in has its shortest end.
constexpr std::size_t kShortestRest = 5;

}  // namespace

class ResponseReader::Parser final : public beast::http::basic_parser<false> {
 public:
  explicit Parser(std::size_t body_bytes) : body_bytes_(body_bytes) {
    header_limit(kMaxHeadBytes);
    body_limit(boost::none);
    eager(false);
  }

  int status = 0;
  std::string location;
  std::string retry_after;
  std::string body;
  bool longer = false;  // than is wanted

 private:
  using Error = beast::error_code;

  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, Error&) override {}
  void on_response_impl(int code, beast::string_view, int, Error& error) override {
    error = {};
    status = code;
  }
  void on_field_impl(beast::http::field field, beast::string_view, beast::string_view value,
                     Error& error) override {
    error = {};
    if (is_header_done()) return;  // a trailer
    if (field == beast::http::field::location) location.assign(value.data(), value.size());
    if (field == beast::http::field::retry_after) retry_after.assign(value.data(), value.size());
  }
  void on_header_impl(Error& error) override { error = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error& error) override { error = {}; }
  std::size_t on_body_impl(beast::string_view bytes, Error& error) override { return take(bytes, error); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, Error& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, Error& error) override {
    return take(bytes, error);
  }
  void on_finish_impl(Error& error) override { error = {}; }

  std::size_t take(beast::string_view bytes, Error& error) {
    error = {};
    const auto wanted = std::min(bytes.size(), body_bytes_ - body.size());
    body.append(bytes.data(), wanted);
    longer = longer || wanted < bytes.size();
    return bytes.size();
  }

  std::size_t body_bytes_;
};

struct ResponseReader::State {
  explicit State(std::size_t bytes) : body_bytes(bytes), parser(std::in_place, bytes) {}

  std::size_t body_bytes;
  std::optional<Parser> parser;
  std::size_t head_bytes = 0;
  bool failed = false;

  [[nodiscard]] bool has_head() const { return parser->is_header_done() && parser->status / 100 != 1; }
  /// One call of the parser; none: it has nothing to do with these bytes, or they are wrong.
  std::optional<std::size_t> put(std::string_view rest);
};

std::optional<std::size_t> ResponseReader::State::put(std::string_view rest) {
  const bool in_body = parser->is_header_done();
  if (rest.empty() || (in_body && parser->chunked() && rest.size() < kShortestRest)) return std::nullopt;
  beast::error_code code;
  const auto used = parser->put(boost::asio::const_buffer(rest.data(), rest.size()), code);
  const bool more = code == beast::http::error::need_more;
  if (!in_body) head_bytes += used;
  // What it waits for the end of: a head, or a chunk's size line.
  const auto waiting = (in_body ? 0 : head_bytes) + (more ? rest.size() - used : 0);
  failed = (code && !more) || waiting > kMaxHeadBytes;
  if (failed || (more && used == 0)) return std::nullopt;
  return used;
}

ResponseReader::ResponseReader(std::size_t body_bytes) : state_(std::make_unique<State>(body_bytes)) {}
ResponseReader::~ResponseReader() = default;

ResponseReader::Progress ResponseReader::feed(std::string_view bytes) {
  auto& parser = state_->parser;
  std::size_t taken = 0;
  while (!state_->failed) {
    if (parser->is_header_done() && (parser->is_done() || parser->longer)) {
      if (state_->has_head()) return {.taken = taken, .step = Step::complete};
      parser.emplace(state_->body_bytes);
    }
    const auto used = state_->put(bytes.substr(taken));
    if (!used) break;
    taken += *used;
  }
  return {.taken = taken, .step = state_->failed ? Step::broken : Step::more};
}

ResponseReader::Step ResponseReader::end() {
  if (state_->failed || !has_head()) return Step::broken;
  if (state_->parser->is_done()) return Step::complete;
  beast::error_code code;
  state_->parser->put_eof(code);
  return code ? Step::broken : Step::complete;
}

bool ResponseReader::has_head() const {
  return state_->has_head();
}
int ResponseReader::status() const {
  return state_->parser->status;
}
std::string ResponseReader::location() const {
  return state_->parser->location;
}
std::string ResponseReader::retry_after() const {
  return state_->parser->retry_after;
}
bool ResponseReader::keep_alive() const {
  return !state_->parser->longer && state_->parser->keep_alive();
}
std::string ResponseReader::take_body() {
  return std::move(state_->parser->body);
}

}  // namespace holdfast::http
