// As request_reader_test: each answer of a table in one piece, a byte at a time, and cut at every place.
#include "http/response_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

namespace holdfast::http {
namespace {

constexpr std::size_t kBodyBytes = 10;

std::string read(std::string_view bytes, std::size_t first, std::size_t then) {
  using Step = ResponseReader::Step;
  ResponseReader reader(kBodyBytes);
  std::string held;
  auto step = Step::more;
  for (auto size = first; !bytes.empty() && step == Step::more; size = then) {
    const auto piece = bytes.substr(0, size);
    bytes.remove_prefix(piece.size());
    held += piece;
    const auto progress = reader.feed(held);
    held.erase(0, progress.taken);
    step = progress.step;
  }
  std::string said;
  if (step == Step::more) {
    said = "until the end: ";
    step = reader.end();
  }
  if (!reader.has_head()) return said + "none";
  said += fmt::format("{} [{}]", reader.status(), reader.take_body());
  if (const auto location = reader.location(); !location.empty()) said += " to " + location;
  if (const auto retry = reader.retry_after(); !retry.empty()) said += " again after " + retry;
  if (step == Step::broken) return said + " broken";
  return said + (reader.keep_alive() ? "" : " closes");
}

struct Row {
  std::string_view name;
  std::string bytes;
  std::string said;
};

std::string chunked(std::string_view body) {
  return fmt::format("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", body);
}

std::vector<Row> rows() {
  return {
      {"plain", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 [hi]"},
      {"no body", "HTTP/1.1 204 No Content\r\n\r\n", "204 []"},
      {"no reason", "HTTP/1.1 204 \r\n\r\n", "204 []"},
      {"redirect", "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "302 [] to /x"},
      {"try again", "HTTP/1.1 503 No\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
       "503 [] again after 120"},
      {"continue",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLocation: /y\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
       "200 [x]"},
      {"only continue", "HTTP/1.1 100 Continue\r\n\r\n", "until the end: none"},
      {"closes", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "200 [x] closes"},
      {"until the end", "HTTP/1.1 200 OK\r\n\r\nhi", "until the end: 200 [hi] closes"},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200 [x] closes"},
      {"the longest body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", "200 [0123456789]"},
      {"too long", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a", "200 [0123456789] closes"},
      {"chunked", chunked("3\r\nabc\r\n1;x=\"y\"\r\nd\r\n0\r\nA: b\r\nLocation: /z\r\n\r\n"), "200 [abcd]"},
      {"chunked and empty", chunked("0\r\n\r\n"), "200 []"},
      {"chunked too long", chunked("b\r\n0123456789a\r\n0\r\n\r\n"), "200 [0123456789] closes"},
      {"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", "until the end: 200 [hi] broken"},
      {"chunks cut off", chunked("3\r\nabc\r\n0\r\n"), "until the end: 200 [abc] broken"},
      {"head cut off", "HTTP/1.1 200 OK\r\nContent-Le", "until the end: none"},
      {"nothing", "", "until the end: none"},
      {"garbage", "garbage\r\n\r\n", "none"},
      {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", "none"},
      {"bad status", "HTTP/1.1 2000 OK\r\n\r\n", "none"},
      {"bad chunk", chunked("zz\r\nabc\r\n"), "200 [] broken"},
      {"bad trailer", chunked("0\r\nA b\r\n\r\n"), "200 [] broken"},
      {"long head", "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n", "none"},
  };
}

class ResponseReaderTable : public ::testing::TestWithParam<Row> {};

TEST_P(ResponseReaderTable, ComesToTheSameInWhateverPieces) {
  const auto& [name, bytes, said] = GetParam();
  ASSERT_EQ(read(bytes, bytes.size(), 1), said) << "in one piece";
  if (bytes.size() > 10'000) return;
  EXPECT_EQ(read(bytes, 1, 1), said) << "a byte at a time";
  for (std::size_t at = 1; at < bytes.size(); ++at) {
    ASSERT_EQ(read(bytes, at, bytes.size()), said) << "cut at byte " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Answers, ResponseReaderTable, ::testing::ValuesIn(rows()), [](const auto& row) {
  std::string name;
  for (const char c : row.param.name) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
});

}  // namespace
}  // namespace holdfast::http
