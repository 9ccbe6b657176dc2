#include "http/server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "http/testing/echo.h"
#include "http/testing/wire_client.h"

namespace holdfast::http {
namespace {

using std::chrono::milliseconds;
using Client = testing::WireClient;

class HttpServer : public ::testing::Test {
 protected:
  void start(Limits limits = {}) {
    auto started = Server::start({.limits = limits}, echo_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  [[nodiscard]] Client client() const { return Client(server_->port()); }
  std::string ask(std::string_view request, std::string_view end) const {
    auto to = client();
    to.send(request);
    return to.read_until(end);
  }
  std::string ask_all(std::string_view request) const {
    auto to = client();
    to.send(request);
    return to.read_all();
  }

  testing::Echo echo_;
  std::unique_ptr<Server> server_;
};

TEST_F(HttpServer, AnswersAndKeepsTheConnection) {
  start();
  auto to = client();
  for (int i = 0; i < 3; ++i) {
    to.send(fmt::format("POST /{} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", i));
    const auto answer = to.read_until(" hi");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
    EXPECT_TRUE(answer.ends_with(fmt::format("\r\n\r\nPOST /{} hi", i))) << answer;
    EXPECT_NE(answer.find("X-Request-Id: "), std::string::npos);
  }
}

TEST_F(HttpServer, TakesTheClientsRequestId) {
  start();
  EXPECT_NE(ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-7\r\n\r\n", "GET / ")
                .find("X-Request-Id: mine-7\r\n"),
            std::string::npos);
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n\r\n", "GET / ").find("a b"),
            std::string::npos);
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  start();
  std::string requests;
  constexpr int kRequests = 2'000;
  for (int i = 0; i < kRequests; ++i) {
    requests +=
        fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", i % 3 == 0 ? "/refused" : fmt::format("/{}", i));
  }
  requests += "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  auto to = client();
  std::thread sender([&] { to.send(requests); });
  const auto answers = to.read_all();
  sender.join();
  std::size_t at = 0;
  for (int i = 0; i < kRequests; ++i) {
    const auto wanted = i % 3 == 0 ? std::string("\r\n\r\nno") : fmt::format("\r\n\r\nGET /{} ", i);
    at = answers.find(wanted, at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_TRUE(answers.ends_with("GET /last "));
}

TEST_F(HttpServer, ReadsChunkedBodies) {
  start();
  EXPECT_TRUE(
      ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
          "abcde")
          .ends_with("POST / abcde"));
}

TEST_F(HttpServer, HeadHasNoBody) {
  start();
  const auto answer = ask_all("HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 8\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServer, SaysToGoOnBeforeABodyThatIsWanted) {
  start();
  auto to = client();
  to.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(to.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  to.send("hi");
  EXPECT_TRUE(to.read_until(" hi").starts_with("HTTP/1.1 200 OK"));
}

TEST_F(HttpServer, RefusesByTheHeadWithoutTheBody) {
  start();
  auto to = client();
  to.send("POST /refused HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  const auto answer = to.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  // A small body is read and thrown away, and the connection goes on.
  auto other = client();
  other.send(
      "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /on HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(other.read_until("GET /on ").starts_with("HTTP/1.1 401 "));
}

TEST_F(HttpServer, RefusesWhatIsNoRequest) {
  start({.max_head_bytes = 1'000, .max_body_bytes = 1'000});
  const auto status = [&](std::string_view request) { return ask_all(request).substr(0, 12); };
  EXPECT_EQ(status("garbage\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("GET / HTTP/3.0\r\n\r\n"), "HTTP/1.1 505");
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400");  // no Host
  EXPECT_EQ(status(std::string_view("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28)), "HTTP/1.1 400");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nLong: " + std::string(2'000, 'x') + "\r\n\r\n"),
            "HTTP/1.1 431");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"),
            "HTTP/1.1 413");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"),
            "HTTP/1.1 400");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
            "HTTP/1.1 400");
  EXPECT_EQ(
      status(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      "HTTP/1.1 400");
}

TEST_F(HttpServer, SpeaksHttp10) {
  start();
  const auto answer = ask_all("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(HttpServer, CutsOffTheSlow) {
  start({.head_time = milliseconds(100), .body_time = milliseconds(100), .idle_time = milliseconds(200)});
  EXPECT_EQ(ask_all("GET / HT").substr(0, 12), "HTTP/1.1 408");
  EXPECT_EQ(ask_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab").substr(0, 12),
            "HTTP/1.1 408");
  EXPECT_EQ(ask_all(""), "");
}

TEST_F(HttpServer, AnswersWhatItsHandlerLetGoOf) {
  start();
  const auto answer = ask_all("POST /lost HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n")) << answer;
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(kUnanswered)) << answer;
  EXPECT_TRUE(ask_all("GET /lost HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 500 "));
}

TEST_F(HttpServer, HoldsAThousandConnections) {
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 1'000; ++i) clients.push_back(client());
  for (const auto& each : clients) each.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  for (auto& each : clients) ASSERT_TRUE(each.read_until("GET /x ").ends_with("GET /x "));
  EXPECT_EQ(server_->connections(), 1'000);
}

TEST_F(HttpServer, DrainsWhatIsUnderWay) {
  start();
  auto busy = client();
  busy.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  echo_.wait_for_later(1);
  auto idle = client();
  idle.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  (void)idle.read_until("GET /x ");
  EXPECT_FALSE(server_->drain(milliseconds(100)));
  EXPECT_EQ(idle.read_all(), "");
  echo_.finish();
  EXPECT_NE(busy.read_all().find("GET /later "), std::string::npos);
  EXPECT_TRUE(server_->drain(milliseconds(20'000)));
}

TEST_F(HttpServer, AnswersAfterItsEndAreHarmless) {
  start();
  auto to = client();
  to.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  echo_.wait_for_later(1);
  server_.reset();
  echo_.finish();
  EXPECT_EQ(to.read_all(), "");
}

TEST_F(HttpServer, SaysWhyItCannotListen) {
  start();
  const auto taken = Server::start({.port = server_->port()}, echo_);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::busy);
  EXPECT_NE(taken.error().message.find("Choose another port"), std::string::npos);
  const auto wrong = Server::start({.address = "localhost"}, echo_);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::invalid_command);
}

}  // namespace
}  // namespace holdfast::http
