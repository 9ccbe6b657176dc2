// What the server does alike, however it is spoken to.
#include <gtest/gtest.h>

#include "tests/support/served_echo.h"

namespace holdfast::http {
namespace {

using std::chrono::milliseconds;
using testing::kGet;
using Tls = testing::WireClient::Tls;

class AnyServer : public testing::ServedEcho {};

INSTANTIATE_TEST_SUITE_P(Transports, AnyServer, ::testing::Values(Tls::none, Tls::v1_2, Tls::v1_3),
                         [](const auto& tls) {
                           return tls.param == Tls::none   ? "Plain"
                                  : tls.param == Tls::v1_2 ? "Tls12"
                                                           : "Tls13";
                         });

TEST_P(AnyServer, StreamsPieceByPiece) {
  start();
  auto to = client();
  to.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto tap = echo_.tap();
  tap->put("one");
  EXPECT_TRUE(to.read_until("3\r\none\r\n").ends_with("\r\n\r\n3\r\none\r\n"));
  tap->put(std::string(100'000, 'x'));
  tap->put("two");
  tap->put(std::nullopt);
  EXPECT_TRUE(to.read_until("0\r\n\r\n").ends_with("x\r\n3\r\ntwo\r\n0\r\n\r\n"));
  to.send(kGet);
  EXPECT_TRUE(to.read_until("GET /x ").starts_with("HTTP/1.1 200"));
}

TEST_P(AnyServer, CutsAStreamThatCannotGoOn) {
  start();
  for (const std::string_view version : {"1.1", "1.0"}) {
    auto to = client();
    to.send(fmt::format("GET /stream HTTP/{}\r\nHost: a\r\n\r\n", version));
    const auto tap = echo_.tap();
    tap->put("one");
    const auto begin = to.read_until("one");
    EXPECT_TRUE(begin.starts_with("HTTP/1.1 200")) << begin;
    tap->wait_until_asked();
    tap->give_up();
    // With chunks the last one is missing; without them only a reset (with TLS, the missing goodbye too)
    // tells it from the end of the body.
    EXPECT_EQ(to.read_all(), version == "1.1" ? "\r\n" : "");
    if (encrypted()) {
      EXPECT_FALSE(to.said_goodbye()) << version;
    } else {
      EXPECT_EQ(to.was_reset(), version == "1.0") << version;
    }
  }
}

TEST_P(AnyServer, LetsGoOfAStreamWhoseClientIsGone) {
  start();
  {
    auto to = client();
    to.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    (void)to.read_until("\r\n\r\n");
    to.reset();
  }
  {
    const auto tap = echo_.tap();
    for (int i = 0; i < 500 && server_->connections() > 0; ++i) tap->put(std::string(10'000, 'x'));
  }
  EXPECT_TRUE(server_->drain(milliseconds(20'000)));
  EXPECT_EQ(echo_.alive(), 0);
}

TEST_P(AnyServer, AnswersAClientThatHasClosedItsSide) {
  start();
  for (const bool with_a_word : {true, false}) {
    auto to = client();
    to.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    with_a_word ? to.half_close() : to.half_close_socket();
    echo_.wait_for_later(1);
    echo_.finish();
    const auto answers = to.read_all();
    EXPECT_NE(answers.find("GET /later "), std::string::npos) << answers;
    EXPECT_TRUE(answers.ends_with("GET /next ")) << answers;
  }
}

TEST_P(AnyServer, CutsOffWhoDoesNotTakeHisAnswer) {
  start({.write_time = milliseconds(100)});
  const auto slow = client();
  slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_it_goes_on();
  EXPECT_TRUE(server_->drain(milliseconds(20'000)));  // no buffer holds what he was to take
}

TEST_P(AnyServer, TellsThoseThatAreTooMany) {
  start({.max_connections = 1});
  auto first = client();
  first.send(kGet);
  (void)first.read_until("GET /x ");
  EXPECT_TRUE(client().read_all().starts_with("HTTP/1.1 503"));
}

}  // namespace
}  // namespace holdfast::http
