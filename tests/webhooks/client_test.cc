// The client that delivers webhooks, against real receivers.
#include "http/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/support/http_receiver.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
using testing::HttpReceiver;
using testing::Reaction;
using testing::Received;

std::unique_ptr<Client> client(const std::string& url, ClientOptions options = {}) {
  auto made = Client::make(parse_url(url).value(), std::move(options));
  EXPECT_TRUE(made) << made.error();
  return std::move(*made);
}

TEST(HttpUrl, HasItsParts) {
  const auto url = parse_url("https://shop.example:8443/in?x=1").value();
  EXPECT_TRUE(url.encrypted);
  EXPECT_EQ(url.host, "shop.example");
  EXPECT_EQ(url.port, "8443");
  EXPECT_EQ(url.target, "/in?x=1");
  EXPECT_EQ(url.authority(), "shop.example:8443");
  EXPECT_EQ(parse_url("http://[::1]?q").value().target, "/?q");
  EXPECT_EQ(parse_url("http://[::1]:80/").value().authority(), "[::1]");
  EXPECT_EQ(parse_url("https://h").value().authority(), "h");
}

TEST(HttpUrl, KnowsThisMachine) {
  for (const auto* const text :
       {"http://localhost/", "http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]/"}) {
    EXPECT_TRUE(parse_url(text).value().is_loopback()) << text;
  }
  for (const auto* const text :
       {"http://10.0.0.1/", "http://localhost.example/", "http://[fe80::1]/", "http://0.0.0.0/"}) {
    EXPECT_FALSE(parse_url(text).value().is_loopback()) << text;
  }
}

TEST(HttpUrl, WhatIsNoneIsRefused) {
  for (const auto* const text :
       {"", "shop.example", "ftp://h/", "https://", "https:///x", "https://h:0/", "https://h:65536/",
        "https://h:/", "https://user:pw@h/", "https://h/#part", "https://h/a b", "https://h\r\nX: y/",
        "https://[::1/", "https://[x]/", "https://hö/", "HTTPS://h/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(HttpClient, SendsFieldsAndBodyAndKeepsItsConnection) {
  std::vector<Received> seen;
  HttpReceiver receiver([&](const Received& received) {
    seen.push_back(received);
    return Reaction{.status = 201, .body = "thanks"};
  });
  const auto sender = client(receiver.url());
  for (const auto* const body : {"{\"a\":1}", ""}) {
    const auto reply = sender->post({{"Content-Type", "application/json"}}, body);
    ASSERT_TRUE(reply) << reply.error();
    EXPECT_EQ(reply->status, 201);
    EXPECT_EQ(reply->body, "thanks");
  }
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].target, "/in");
  EXPECT_EQ(seen[0].body, "{\"a\":1}");
  EXPECT_EQ(seen[0].fields.at("content-type"), "application/json");
  EXPECT_EQ(seen[0].fields.at("host"), "127.0.0.1:" + std::to_string(receiver.port()));
  EXPECT_EQ(receiver.connections(), 1);
}

TEST(HttpClient, AConnectionThatWasClosedMeanwhileIsMadeAgain) {
  HttpReceiver receiver([](const Received&) { return Reaction{.keep_alive = false}; });
  const auto sender = client(receiver.url());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sender->post({}, "x").value().status, 204);
  EXPECT_EQ(receiver.connections(), 3);

  int asked = 0;
  HttpReceiver closing(
      [&](const Received&) { return ++asked == 2 ? Reaction{.kind = Reaction::Kind::reset} : Reaction{}; });
  const auto second = client(closing.url());
  EXPECT_EQ(second->post({}, "x").value().status, 204);
  EXPECT_EQ(second->post({}, "x").value().status, 204) << "cut off before any answer, it is sent once more";
  EXPECT_EQ(closing.connections(), 2);
}

TEST(HttpClient, RedirectsAreAnswers) {
  HttpReceiver receiver(
      [](const Received&) { return Reaction{.status = 307, .location = "http://127.0.0.1:1/elsewhere"}; });
  const auto reply = client(receiver.url())->post({}, "x").value();
  EXPECT_EQ(reply.status, 307);
  EXPECT_EQ(reply.location, "http://127.0.0.1:1/elsewhere");
}

TEST(HttpClient, OfALongAnswerOnlyTheBeginningIsRead) {
  HttpReceiver receiver(
      [](const Received&) { return Reaction{.status = 200, .body = std::string(1 << 20, 'x')}; });
  const auto sender = client(receiver.url());
  for (int i = 0; i < 2; ++i) {
    const auto reply = sender->post({}, "x").value();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, std::string(64 << 10, 'x'));
  }
}

TEST(HttpClient, EveryFailureSaysWhatAndWhere) {
  const auto closed = "127.0.0.1:" + std::to_string(testing::closed_port());
  EXPECT_EQ(client("http://" + closed + "/")->post({}, "x").error(),
            "connecting to " + closed + ": Connection refused");
  HttpReceiver reset([](const Received&) { return Reaction{.kind = Reaction::Kind::reset}; });
  EXPECT_FALSE(client(reset.url())->post({}, "x"));
  HttpReceiver half([](const Received&) { return Reaction{.kind = Reaction::Kind::half_answer}; });
  EXPECT_FALSE(client(half.url())->post({}, "x"));
  EXPECT_NE(
      client("http://no-such-host.invalid/")->post({}, "x").error().find("resolving no-such-host.invalid"),
      std::string::npos);
  ClientOptions nowhere;
  nowhere.ca_file = "/no/such/file";
  EXPECT_FALSE(Client::make(parse_url("https://h/").value(), nowhere));
}

TEST(HttpClient, SilenceIsATimeout) {
  HttpReceiver receiver([](const Received&) { return Reaction{.kind = Reaction::Kind::silence}; });
  ClientOptions options;
  options.answer_timeout = 50ms;
  const auto reply = client(receiver.url(), options)->post({}, "x");
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().find("took too long"), std::string::npos) << reply.error();
}

TEST(HttpClient, IsCancelledFromAnotherThread) {
  std::promise<void> asked;
  HttpReceiver receiver([&](const Received&) {
    asked.set_value();
    return Reaction{.kind = Reaction::Kind::silence};
  });
  ClientOptions options;
  options.answer_timeout = 1h;
  const auto sender = client(receiver.url(), options);
  std::thread canceller([&] {
    asked.get_future().wait();
    sender->cancel();
  });
  EXPECT_EQ(sender->post({}, "x").error(), "cancelled");
  canceller.join();
  EXPECT_EQ(sender->post({}, "x").error(), "cancelled");
}

TEST(HttpClient, TrustsOnlyTheAuthoritiesThatItWasGiven) {
  testing::TemporaryDirectory directory;
  const auto certificate = directory.path() / "receiver.pem";
  testing::make_certificate(certificate);
  HttpReceiver receiver([](const Received&) { return Reaction{}; }, certificate);
  ClientOptions trusting;
  trusting.ca_file = certificate;
  for (const auto* const host : {"localhost", "127.0.0.1"}) {
    const auto sender = client(receiver.url(host), trusting);
    for (int i = 0; i < 2; ++i) {
      const auto reply = sender->post({}, "x");
      ASSERT_TRUE(reply) << reply.error();
      EXPECT_EQ(reply->status, 204);
    }
  }
  EXPECT_EQ(receiver.connections(), 2);
  const auto stranger = client(receiver.url())->post({}, "x");
  ASSERT_FALSE(stranger);
  EXPECT_NE(stranger.error().find("is not accepted: self-signed certificate"), std::string::npos)
      << stranger.error();
  const auto other_name = client(receiver.url("127.0.0.2"), trusting)->post({}, "x");
  ASSERT_FALSE(other_name);
}

}  // namespace
}  // namespace holdfast::http
