// One request or many, in whatever pieces the network gives them: each row of a table is read in one piece, a
// byte at a time, and cut in two at every place, and must come to the same.
#include "http/request_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace holdfast::http {
namespace {

constexpr Limits kLimits{.max_head_bytes = 300, .max_body_bytes = 40};

/// What was read, in words, the way a connection reads: bytes that are not taken come again with more.
class Reading {
 public:
  void give(std::string_view bytes) {
    held_ += bytes;
    while (!broken_ && !held_.empty() && step()) {
    }
  }
  [[nodiscard]] std::string said() const { return broken_ || !in_request_ ? said_ : said_ + "…"; }

 private:
  bool step() {
    in_request_ = true;
    const auto [taken, step] = reader_.feed(held_);
    held_.erase(0, taken);
    switch (step) {
      case RequestReader::Step::more:
        in_request_ = between_ ? !held_.empty() : true;
        return false;
      case RequestReader::Step::head:
        say_head();
        if (!reader_.has_body()) say_body();
        return true;
      case RequestReader::Step::complete:
        say_body();
        return true;
      case RequestReader::Step::broken:
        said_ += fmt::format("{} {}", reader_.problem().status, reader_.problem().detail);
        broken_ = true;
        return false;
    }
    return false;
  }
  void say_head() {
    between_ = false;
    const auto& head = reader_.head();
    said_ += fmt::format("{} {}", head.method, head.target);
    if (reader_.http_1_0()) said_ += " 1.0";
    for (const auto& [name, value] : head.fields) {
      if (name != "host") said_ += fmt::format(" {}={}", name, value);
    }
    if (reader_.expects_continue()) said_ += " expects";
    if (!reader_.keep_alive()) said_ += " closes";
    if (reader_.too_large()) said_ += " too large";
    said_ += " ";
  }

  void say_body() {
    said_ += fmt::format("[{}]\n", reader_.take_body());
    reader_.reset();
    in_request_ = false;
    between_ = true;
  }

  RequestReader reader_{kLimits};
  std::string held_;
  std::string said_;
  bool in_request_ = false;
  bool between_ = true;
  bool broken_ = false;
};

std::string read(std::string_view bytes, std::size_t first, std::size_t then) {
  Reading reading;
  for (auto size = first; !bytes.empty(); size = then) {
    const auto piece = bytes.substr(0, size);
    bytes.remove_prefix(piece.size());
    reading.give(piece);
  }
  return reading.said();
}

struct Row {
  std::string_view name;
  std::string bytes;
  std::string said;
};

std::string get(std::string_view fields) {
  return fmt::format("GET /x HTTP/1.1\r\nHost: a\r\n{}\r\n", fields);
}
std::string chunked(std::string_view body) {
  return fmt::format("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}", body);
}
const std::string kChunked = "POST /x transfer-encoding=chunked ";

std::vector<Row> good() {
  using namespace std::string_literals;
  return {
      {"plain", get(""), "GET /x []\n"},
      {"fields", get("A: b\r\nC:\t d e \t\r\nE:\r\n"), "GET /x a=b c=d e e= []\n"},
      {"the same field twice", get("A: b\r\na: c\r\n"), "GET /x a=b a=c []\n"},
      {"bytes beyond ASCII", get("A: \xc3\xa9\r\n"), "GET /x a=\xc3\xa9 []\n"},
      {"methods are not changed", "g*t /x HTTP/1.1\r\nHost: a\r\n\r\n", "g*t /x []\n"},
      {"lines before", "\r\n\r\n" + get(""), "GET /x []\n"},
      {"pipelined", get("") + get("A: b\r\n") + get(""), "GET /x []\nGET /x a=b []\nGET /x []\n"},
      {"a line after a body", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n" + get(""),
       "POST /x content-length=2 [hi]\nGET /x []\n"},
      {"body", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\r\n\r\n\0"s + get(""),
       "POST /x content-length=5 [\r\n\r\n\0]\nGET /x []\n"s},
      {"empty body", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + get(""),
       "POST /x content-length=0 []\nGET /x []\n"},
      {"leading zeros", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0002\r\n\r\nhi",
       "POST /x content-length=0002 [hi]\n"},
      {"the longest body",
       "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n" + std::string(40, 'b') + get(""),
       "POST /x content-length=40 [" + std::string(40, 'b') + "]\nGET /x []\n"},
      {"too large", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\n\r\n",
       "POST /x content-length=41 too large …"},
      {"unfinished body", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhi",
       "POST /x content-length=5 …"},
      {"unfinished head", "GET /x HTTP/1.1\r\nHost: a\r\n", "…"},
      {"expects", "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi",
       "POST /x expect=100-Continue content-length=2 expects [hi]\n"},
      {"HTTP/1.0 expects nothing", "POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
       "POST /x 1.0 expect=100-continue content-length=2 closes [hi]\n"},
      {"HTTP/1.0", "GET /x HTTP/1.0\r\n\r\n", "GET /x 1.0 closes []\n"},
      {"HTTP/1.0 kept", "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
       "GET /x 1.0 connection=keep-alive []\n"},
      {"closes", get("Connection: x, Close\r\n"), "GET /x connection=x, Close closes []\n"},
      {"chunked", chunked("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n") + get(""), kChunked + "[abcd]\nGET /x []\n"},
      {"chunked and empty", chunked("0\r\n\r\n") + get(""), kChunked + "[]\nGET /x []\n"},
      {"Chunked", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
       "POST /x transfer-encoding=Chunked [a]\n"},
      {"chunk of line ends", chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"), kChunked + "[\r\n\r\n]\n"},
      {"sizes in many forms", chunked("0001\r\na\r\nA\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n"),
       kChunked + "[a01234567890123456789]\n"},
      {"the most in chunks",
       chunked("14\r\n" + std::string(20, 'b') + "\r\n14\r\n" + std::string(20, 'c') + "\r\n0\r\n\r\n"),
       kChunked + "[" + std::string(20, 'b') + std::string(20, 'c') + "]\n"},
      {"extensions", chunked("1;a\r\nx\r\n1 ; b=c; d=\"e; \\\"\xc3\xa9\"\r\ny\r\n0;f\r\n\r\n"),
       kChunked + "[xy]\n"},
      {"trailers", chunked("1\r\nx\r\n0\r\nA: b\r\nHost: c\r\nX-Request-Id: d\r\n\r\n") + get(""),
       kChunked + "[x]\nGET /x []\n"},
      {"unfinished chunk", chunked("5\r\nabc"), kChunked + "…"},
      {"unfinished end", chunked("1\r\na\r\n0\r\n"), kChunked + "…"},
      {"the longest head", get("A: " + std::string(kLimits.max_head_bytes - 33, 'b') + "\r\n") + get(""),
       "GET /x a=" + std::string(kLimits.max_head_bytes - 33, 'b') + " []\nGET /x []\n"},
      {"the longest size line",
       chunked("1;" + std::string(kLimits.max_head_bytes - 4, 'a') + "\r\nx\r\n0\r\n\r\n"),
       kChunked + "[x]\n"},
  };
}

std::vector<Row> bad() {
  using namespace std::string_literals;
  const std::string line = "400 the request line is not well-formed";
  const std::string field = "400 a header field is not well-formed";
  const std::string size = kChunked + "400 a chunk's size line is wrong";
  const std::string long_line =
      kChunked + "400 a chunk's size line, or what follows the last chunk, is too long";
  const std::string large = "431 the head is larger than this server reads";
  const std::string version = "505 only HTTP/1.1 and HTTP/1.0 are spoken here";
  const auto body = [](std::string_view fields) {
    return fmt::format("POST /x HTTP/1.1\r\nHost: a\r\n{}\r\nx", fields);
  };
  return {
      {"garbage", "garbage\r\n\r\n", line},
      {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", line},
      {"two spaces", "GET  /x HTTP/1.1\r\nHost: a\r\n\r\n", line},
      {"no version", "GET /x\r\nHost: a\r\n\r\n", line},
      {"tab for a space", "GET\t/x HTTP/1.1\r\nHost: a\r\n\r\n", line},
      {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s, line},
      {"NUL in a name", get("A\0: b\r\n"s), field},
      {"NUL in a value", get("A: b\0\r\n"s), field},
      {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s, line},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", version},
      {"HTTP/3.0", "GET /x HTTP/3.0\r\n\r\n", version},
      {"HTTP/0.9", "GET /x HTTP/0.9\r\n\r\n", version},
      {"no host", "GET /x HTTP/1.1\r\nA: b\r\n\r\n", "400 Host is missing"},
      {"two hosts", get("HOST: b\r\n"), "400 Host is given twice"},
      {"bare LF after the request line", "GET /x HTTP/1.1\nHost: a\r\n\r\n", line},
      {"bare LF after a field", "GET /x HTTP/1.1\r\nHost: a\nA: b\r\n\r\n", field},
      {"bare LF at the end", "GET /x HTTP/1.1\r\nHost: a\r\n\n\r\n\r\n", field},
      {"bare CR", "GET /x HTTP/1.1\r\nHost: a\rA: b\r\n\r\n", field},
      {"CR before a request", "\rGET /x HTTP/1.1\r\nHost: a\r\n\r\n", line},
      {"space before a field", "GET /x HTTP/1.1\r\n Host: a\r\n\r\n", field},
      {"space before the colon", get("A : b\r\n"), field},
      {"no name", get(": b\r\n"), field},
      {"no colon", get("A b\r\n"), field},
      {"folded", get("A: b\r\n c\r\n"), "400 a header field goes on in another line"},
      {"folded at once", get("Transfer-Encoding:\r\n\tchunked\r\n"),
       "400 a header field goes on in another line"},
      {"both lengths", body("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), field},
      {"both lengths, the other way", body("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
       "400 Content-Length is not a number of bytes"},
      {"two lengths", body("Content-Length: 1\r\nContent-Length: 1\r\n"),
       "400 Content-Length is given twice"},
      {"a list of lengths", body("Content-Length: 1, 1\r\n"), "400 Content-Length is not one number"},
      {"two different lengths", body("Content-Length: 1\r\nContent-Length: 2\r\n"), field},
      {"a length with a sign", body("Content-Length: +1\r\n"), "400 Content-Length is not a number of bytes"},
      {"a length below zero", body("Content-Length: -1\r\n"), "400 Content-Length is not a number of bytes"},
      {"no length", body("Content-Length:\r\n"), "400 Content-Length is not a number of bytes"},
      {"a length in hexadecimal", body("Content-Length: 0x1\r\n"),
       "400 Content-Length is not a number of bytes"},
      {"a length beyond 64 bits", body("Content-Length: 18446744073709551616\r\n"),
       "400 Content-Length is not a number of bytes"},
      {"two encodings", body("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), field},
      {"an encoding before chunked", body("Transfer-Encoding: gzip, chunked\r\n"),
       "400 Transfer-Encoding is not chunked, the only one that is read here"},
      {"chunked twice", body("Transfer-Encoding: chunked, chunked\r\n"),
       "400 Transfer-Encoding is not chunked, the only one that is read here"},
      {"identity", body("Transfer-Encoding: identity\r\n"),
       "400 Transfer-Encoding is not chunked, the only one that is read here"},
      {"chunked in quotes", body("Transfer-Encoding: \"chunked\"\r\n"),
       "400 Transfer-Encoding is not chunked, the only one that is read here"},
      {"chunked in HTTP/1.0", "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
       "400 HTTP/1.0 has no Transfer-Encoding"},
      {"long head", get("A: " + std::string(kLimits.max_head_bytes - 32, 'b') + "\r\n"), large},
      {"long target", "GET /" + std::string(500, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", large},
      {"long line without an end", "GET /" + std::string(500, 'x'), large},
      {"long method", std::string(500, 'x'), large},
      {"many fields", get([] {
         std::string fields;
         for (int i = 0; i < 100; ++i) fields += "A:\r\n";
         return fields;
       }()),
       large},
      {"no size", chunked("\r\nabc\r\n"), size},
      {"size without digits", chunked("zz\r\nabc\r\n"), size},
      {"size below zero", chunked("-1\r\na\r\n0\r\n\r\n"), size},
      {"size with 0x", chunked("0x1\r\na\r\n0\r\n\r\n"), size},
      {"space before the size", chunked(" 1\r\na\r\n0\r\n\r\n"), size},
      {"space after the size", chunked("1 \r\na\r\n0\r\n\r\n"), size},
      {"size beyond 64 bits", chunked("10000000000000000\r\na\r\n0\r\n\r\n"), size},
      {"size near 64 bits", chunked("ffffffffffffffff\r\na\r\n0\r\n\r\n"),
       kChunked + "413 the body is larger than this server reads"},
      {"chunk too large", chunked("29\r\nabc"), kChunked + "413 the body is larger than this server reads"},
      {"chunks too large together", chunked("28\r\n" + std::string(40, 'b') + "\r\n1\r\nx\r\n"),
       kChunked + "413 the body is larger than this server reads"},
      {"longer than its size", chunked("1\r\nab\r\n0\r\n\r\n"), size},
      {"bare LF after a size", chunked("1\na\r\n0\r\n\r\n"), size},
      {"bare LF after a chunk", chunked("1\r\na\n0\r\n\r\n"), size},
      {"bare CR in a size line", chunked("1\ra\r\n0\r\n\r\n"), kChunked + "400 the body is not well-formed"},
      {"nothing after the semicolon", chunked("1;\r\na\r\n0\r\n\r\n"), size},
      {"bare LF in an extension", chunked("1;\nb\r\na\r\n0\r\n\r\n"), size},
      {"bare LF in a quoted extension", chunked("1;a=\"\n\"\r\na\r\n0\r\n\r\n"), size},
      {"a line's end in a quoted extension", chunked("1;a=\"\r\n\"\r\na\r\n0\r\n\r\n"), size},
      {"the same in the last chunk", chunked("0;a=\"\r\n\r\n\"\r\n\r\n"), size},
      {"long size line", chunked("1;" + std::string(kLimits.max_head_bytes - 3, 'a') + "\r\nx\r\n0\r\n\r\n"),
       long_line},
      {"many zeros", chunked(std::string(400, '0') + "\r\n\r\n"), long_line},
      {"long trailers", chunked("0\r\nA: " + std::string(kLimits.max_head_bytes, 'b') + "\r\n\r\n"),
       long_line},
      {"a length in a trailer", chunked("0\r\nContent-Length: 1\r\n\r\n"),
       kChunked + "400 Content-Length is not a number of bytes"},
      {"an encoding in a trailer", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
       kChunked + "400 the body is not well-formed"},
      {"bad trailer", chunked("0\r\nA b\r\n\r\n"), kChunked + "400 the body is not well-formed"},
  };
}

std::string printable(const ::testing::TestParamInfo<Row>& row) {
  std::string name;
  for (const char c : row.param.name) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

class RequestReaderTable : public ::testing::TestWithParam<Row> {};

TEST_P(RequestReaderTable, ComesToTheSameInWhateverPieces) {
  const auto& [name, bytes, said] = GetParam();
  ASSERT_EQ(read(bytes, bytes.size(), 1), said) << "in one piece";
  EXPECT_EQ(read(bytes, 1, 1), said) << "a byte at a time";
  EXPECT_EQ(read(bytes, 2, 3), said) << "in threes";
  for (std::size_t at = 1; at < bytes.size(); ++at) {
    ASSERT_EQ(read(bytes, at, bytes.size()), said) << "cut at byte " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Good, RequestReaderTable, ::testing::ValuesIn(good()), printable);
INSTANTIATE_TEST_SUITE_P(Bad, RequestReaderTable, ::testing::ValuesIn(bad()), printable);

TEST(RequestReader, StaysBroken) {
  RequestReader reader(kLimits);
  const std::string_view bytes = "GET /x HTTP/1.1\r\nA: b\r\n\r\n";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reader.feed(bytes).step, RequestReader::Step::broken);
  reader.reset();
  EXPECT_EQ(reader.feed(get("")).step, RequestReader::Step::head);
}

TEST(RequestReader, DoesNotKeepABodyThatIsDiscarded) {
  RequestReader reader(kLimits);
  const auto bytes = chunked("3\r\nabc\r\n0\r\n\r\n");
  const auto head = reader.feed(bytes);
  ASSERT_EQ(head.step, RequestReader::Step::head);
  reader.discard_body();
  EXPECT_EQ(reader.feed(std::string_view(bytes).substr(head.taken)).step, RequestReader::Step::complete);
  EXPECT_EQ(reader.body_bytes(), 3);
  EXPECT_EQ(reader.take_body(), "");
}

TEST(RequestReader, TakesNoMoreThan128Fields) {
  const auto with = [](int fields) {
    std::string text;
    for (int i = 0; i < fields; ++i) text += fmt::format("A{}: b\r\n", i);
    RequestReader reader(Limits{});
    const auto step = reader.feed(get(text)).step;
    return step == RequestReader::Step::broken ? reader.problem().status : 200;
  };
  EXPECT_EQ(with(127), 200);
  EXPECT_EQ(with(128), 431);
}

}  // namespace
}  // namespace holdfast::http
