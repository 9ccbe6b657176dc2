// The delivery to one webhook, step by step, under a clock that is set by the test, to real receivers.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <mutex>

#include "base/random.h"
#include "json/render.h"
#include "server/webhook_endpoint.h"
#include "server/webhook_signature.h"
#include "service/testing/shop.h"
#include "tests/support/http_receiver.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::server {
namespace {

using namespace std::chrono_literals;
using namespace holdfast::testing;
using Kind = WebhookEndpoint::Next::Kind;

class SetClock final : public Clock {
 public:
  [[nodiscard]] Timestamp wall() const override { return {1'790'000'000'000'000 + now_.count() / 1'000}; }
  [[nodiscard]] std::chrono::nanoseconds monotonic() const override { return 1h + now_; }
  void advance(std::chrono::nanoseconds by) { now_ += by; }

 private:
  std::chrono::nanoseconds now_{};
};

class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest()
      : ledger(open_ledger(directory.path() / "ledger")),
        state(must(StateDirectory::open(directory.path() / "state"))) {
    stock(ledger);
    progress = must(open_progress(*state));
    webhook.name = "shop";
  }

  Webhook add(const std::string& url, Seq after = {}) {
    webhook.url = url;
    webhook.after = after;
    return webhook = must(add_webhook(*state, webhook, clock, system_random()));
  }
  std::unique_ptr<WebhookEndpoint> endpoint() {
    auto options = delivery;
    return std::make_unique<WebhookEndpoint>(
        webhook,
        WebhookEndpoint::Parts{ledger, pages, *progress, clock, system_random(),
                               [this](const WebhookNotice& notice) { notices.push_back(notice); }},
        options);
  }
  /// Steps while there is something to do at once; what it waits for then.
  static WebhookEndpoint::Next run_until_waiting(WebhookEndpoint& sender) {
    auto next = sender.step();
    while (next.kind == Kind::now) next = sender.step();
    return next;
  }
  Reaction react(const Received& received) {
    got.push_back(received);
    if (reactions.empty()) return {};
    const auto reaction = reactions.front();
    reactions.erase(reactions.begin());
    return reaction;
  }
  std::vector<std::uint64_t> seqs() const {
    std::vector<std::uint64_t> all;
    for (const auto& received : got) all.push_back(std::stoull(received.fields.at("holdfast-event-seq")));
    return all;
  }
  std::vector<std::uint64_t> all_seqs(std::uint64_t from = 1) const {
    std::vector<std::uint64_t> all;
    for (auto seq = from; seq <= must(ledger.status()).seq.value(); ++seq) all.push_back(seq);
    return all;
  }

  TemporaryDirectory directory;
  Ledger ledger;
  SetClock clock;
  std::unique_ptr<StateDirectory> state;
  std::unique_ptr<StateDirectory> progress;
  EventPages pages{ledger};
  Webhook webhook;
  DeliveryOptions delivery;
  std::vector<WebhookNotice> notices;
  std::vector<Received> got;
  std::vector<Reaction> reactions;
  HttpReceiver receiver{[this](const Received& received) { return react(received); }};
};

TEST_F(DeliveryTest, EveryEventIsSentInOrderOnOneConnection) {
  add(receiver.url());
  const auto sender = endpoint();
  EXPECT_EQ(run_until_waiting(*sender).kind, Kind::events);
  EXPECT_EQ(seqs(), all_seqs());
  EXPECT_EQ(receiver.connections(), 1);
  EXPECT_EQ(sender->position(), must(ledger.status()).seq);
  EXPECT_TRUE(notices.empty());
  const auto event = must(ledger.events(Seq(2), 1)).rows.at(0);
  EXPECT_EQ(got.at(2).body, json::to_json(event));
  EXPECT_EQ(got.at(2).fields.at("content-type"), "application/json");
  EXPECT_EQ(got.at(2).fields.at("holdfast-webhook"), "shop");
}

TEST_F(DeliveryTest, TheSignatureIsWhatAnotherImplementationComputes) {
  add(receiver.url());
  (void)endpoint()->step();
  const auto& received = got.at(0);
  const auto field = received.fields.at("holdfast-signature");
  const auto body = directory.path() / "body";
  std::ofstream(body, std::ios::binary) << received.body;
  const auto command =
      "python3 -c 'import hmac,sys; t=sys.argv[2].encode(); body=open(sys.argv[3],\"rb\").read(); "
      "print(\"t=\"+sys.argv[2]+\",v1=\"+hmac.new(sys.argv[1].encode(), t+b\".\"+body, "
      "\"sha256\").hexdigest(), "
      "end=\"\")' " +
      webhook.secret + " " + std::to_string(clock.wall().micros / 1'000'000) + " " + body.string();
  auto* const pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::array<char, 256> text{};
  ASSERT_NE(std::fgets(text.data(), text.size(), pipe), nullptr);
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_EQ(field, std::string(text.data()));
  EXPECT_NE(field, sign_delivery(webhook.secret, clock.wall().micros / 1'000'000, received.body + " "));
}

TEST_F(DeliveryTest, WhatIsNotTakenIsSentAgainBeforeAnythingElse) {
  add(receiver.url());
  delivery.client.answer_timeout = 50ms;
  reactions = {{},
               {.status = 500, .body = "no database"},
               {.kind = Reaction::Kind::reset},
               {.kind = Reaction::Kind::half_answer},
               {.kind = Reaction::Kind::silence},
               {.status = 302, .location = "https://elsewhere.example/"},
               {.status = 404}};
  const auto sender = endpoint();
  std::vector<std::string> errors;
  auto next = run_until_waiting(*sender);
  while (next.kind == Kind::later) {
    errors.push_back(sender->state().progress.last_error);
    EXPECT_EQ(sender->step().kind, Kind::later) << "nothing is sent before its time";
    clock.advance(next.at - clock.monotonic());
    next = run_until_waiting(*sender);
  }
  EXPECT_EQ(next.kind, Kind::events);
  ASSERT_GE(errors.size(), 5U);
  EXPECT_EQ(errors.front(), "answered 500: \"no database\"");
  EXPECT_EQ(errors.back(), "answered 404");
  EXPECT_EQ(
      errors[errors.size() - 2],
      "answered 302 (to \"https://elsewhere.example/\"): redirects are not followed, give the URL itself");
  auto once = seqs();
  once.erase(std::unique(once.begin(), once.end()), once.end());
  EXPECT_EQ(once, all_seqs()) << "in order, each as often as it takes";
  ASSERT_EQ(notices.size(), 2U);
  EXPECT_EQ(notices[0].kind, WebhookNotice::Kind::failing);
  EXPECT_EQ(notices[1].kind, WebhookNotice::Kind::recovered);
  EXPECT_EQ(got.at(1).fields.at("holdfast-delivery"), got.at(2).fields.at("holdfast-delivery"))
      << "a repeat has the number of the first";
}

TEST_F(DeliveryTest, WaitsGrowToAnHourAndAfterThreeDaysItIsStoppedAndAlarmed) {
  add("http://127.0.0.1:" + std::to_string(closed_port()) + "/");
  auto sender = endpoint();
  const auto begin = clock.monotonic();
  std::vector<std::chrono::nanoseconds> waits;
  auto next = run_until_waiting(*sender);
  while (next.kind == Kind::later) {
    waits.push_back(next.at - clock.monotonic());
    clock.advance(waits.back());
    next = run_until_waiting(*sender);
  }
  ASSERT_EQ(next.kind, Kind::never);
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const auto full = std::min<std::chrono::nanoseconds>(1s * (1 << std::min<std::size_t>(i, 20)), 1h);
    EXPECT_LE(waits[i], full) << i;
    EXPECT_GE(waits[i], full / 2) << i;
  }
  EXPECT_GE(clock.monotonic() - begin, 72h);
  EXPECT_LE(clock.monotonic() - begin, 73h);
  ASSERT_EQ(notices.size(), 2U) << "one word at the first failure, one at the end";
  EXPECT_EQ(notices[1].kind, WebhookNotice::Kind::failed);
  EXPECT_NE(notices[1].message.find("event 1 was not taken"), std::string::npos) << notices[1].message;
  EXPECT_TRUE(sender->state().progress.failed);
  EXPECT_EQ(sender->position(), Seq()) << "no event is left out";

  sender = endpoint();
  EXPECT_EQ(sender->step().kind, Kind::never) << "a restart does not start it again";
  webhook.url = receiver.url();  // mended, and resumed
  webhook.start = must(restart_webhook(*state, "shop", std::nullopt, clock)).start;
  sender = endpoint();
  EXPECT_EQ(run_until_waiting(*sender).kind, Kind::events);
  EXPECT_EQ(seqs(), all_seqs());
}

TEST_F(DeliveryTest, AReceiverThatAsksForTimeGetsIt) {
  add(receiver.url());
  // The clock of the test begins on Mon, 21 Sep 2026 14:13:20 GMT.
  reactions = {{.status = 503, .retry_after = "600"},
               {.status = 429, .retry_after = "Mon, 21 Sep 2026 14:38:20 GMT"},
               {.status = 503, .retry_after = "0"},
               {.status = 503, .retry_after = "Sun, 06 Nov 1994 08:49:37 GMT"},
               {.status = 503, .retry_after = "when it is mended"},
               {.status = 503, .retry_after = "86400"}};
  const auto sender = endpoint();
  std::vector<std::chrono::nanoseconds> waits;
  auto next = run_until_waiting(*sender);
  while (next.kind == Kind::later) {
    waits.push_back(next.at - clock.monotonic());
    EXPECT_EQ(sender->state().next_try->micros, clock.wall().micros + waits.back() / 1us);
    clock.advance(waits.back() - 1ns);
    EXPECT_EQ(sender->step().kind, Kind::later) << "nothing is sent before the time it asked for";
    clock.advance(1ns);
    next = run_until_waiting(*sender);
  }
  ASSERT_EQ(waits.size(), 6U);
  EXPECT_EQ(waits[0], 10min);
  EXPECT_EQ(waits[1], 15min);
  for (const std::size_t i : {2, 3, 4}) {
    EXPECT_GE(waits[i], 500ms * (1 << i)) << "not sooner than without its word";
    EXPECT_LE(waits[i], 1s * (1 << i));
  }
  EXPECT_EQ(waits[5], 1h) << "and not later than the longest wait";
  EXPECT_EQ(next.kind, Kind::events);
}

TEST_F(DeliveryTest, AskingForTimeDoesNotPutOffTheEnd) {
  add(receiver.url());
  reactions.assign(200, {.status = 503, .retry_after = "7200"});
  const auto sender = endpoint();
  const auto begin = clock.monotonic();
  auto next = run_until_waiting(*sender);
  while (next.kind == Kind::later) {
    clock.advance(next.at - clock.monotonic());
    next = run_until_waiting(*sender);
  }
  EXPECT_EQ(next.kind, Kind::never);
  EXPECT_EQ(clock.monotonic() - begin, 72h);
  EXPECT_EQ(got.size(), 73U);
  EXPECT_TRUE(sender->state().progress.failed);
}

TEST_F(DeliveryTest, TheThreeDaysGoOnAcrossARestart) {
  add("http://127.0.0.1:" + std::to_string(closed_port()) + "/");
  EXPECT_EQ(run_until_waiting(*endpoint()).kind, Kind::later);
  clock.advance(71h);
  EXPECT_EQ(run_until_waiting(*endpoint()).kind, Kind::later);
  clock.advance(1h);
  EXPECT_EQ(run_until_waiting(*endpoint()).kind, Kind::never);
}

TEST_F(DeliveryTest, AfterARestartItGoesOnWhereItWasSaved) {
  add(receiver.url());
  auto sender = endpoint();
  (void)run_until_waiting(*sender);
  sender->save();
  got.clear();
  run(ledger, deposit("more", "alice", 1));
  sender = endpoint();
  (void)run_until_waiting(*sender);
  EXPECT_EQ(seqs(), std::vector{must(ledger.status()).seq.value()});
}

TEST_F(DeliveryTest, ACrashBeforeTheSaveRepeatsAndLosesNothing) {
  add(receiver.url());
  (void)run_until_waiting(*endpoint());
  (void)run_until_waiting(*endpoint());
  auto twice = all_seqs();
  const auto once = twice;
  twice.insert(twice.end(), once.begin(), once.end());
  EXPECT_EQ(seqs(), twice);
}

TEST_F(DeliveryTest, ThePositionIsSavedWithinASecondOfTheDelivery) {
  add(receiver.url());
  const auto sender = endpoint();
  const auto next = run_until_waiting(*sender);
  ASSERT_EQ(next.kind, Kind::events);
  EXPECT_EQ(next.at - clock.monotonic(), 1s);
  clock.advance(1s);
  EXPECT_EQ(run_until_waiting(*sender).at.count(), 0) << "nothing is left to save";
  EXPECT_EQ(must(read_progress(*progress, webhook)).position, must(ledger.status()).seq);
}

TEST_F(DeliveryTest, AReplaySendsAgainUnderNewNumbers) {
  add(receiver.url());
  auto sender = endpoint();
  (void)run_until_waiting(*sender);
  sender->save();
  const auto before = got;
  got.clear();
  webhook = must(restart_webhook(*state, "shop", Seq(3), clock));
  sender = endpoint();
  (void)run_until_waiting(*sender);
  EXPECT_EQ(seqs(), all_seqs(4));
  EXPECT_EQ(got.at(0).body, before.at(3).body);
  EXPECT_NE(got.at(0).fields.at("holdfast-delivery"), before.at(3).fields.at("holdfast-delivery"));
}

TEST_F(DeliveryTest, OnlyTheOpsThatItWantsAreSentAndTheOthersPassedOver) {
  webhook.ops = {"deposit"};
  add(receiver.url());
  const auto sender = endpoint();
  EXPECT_EQ(run_until_waiting(*sender).kind, Kind::events);
  EXPECT_EQ(got.size(), 2U);
  EXPECT_EQ(sender->position(), must(ledger.status()).seq);
}

TEST_F(DeliveryTest, APositionThatTheLedgerHasNotReachedIsAlarmed) {
  add(receiver.url());
  ASSERT_TRUE(write_progress(*progress, "shop", {webhook.start, Seq(1'000), {}, 0, false, {}}));
  EXPECT_EQ(endpoint()->step().kind, Kind::never);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].kind, WebhookNotice::Kind::failed);
  EXPECT_NE(notices[0].message.find("is that an older backup?"), std::string::npos);
  EXPECT_TRUE(got.empty());
}

TEST_F(DeliveryTest, GoesOverTlsWithAPrivateAuthority) {
  const auto certificate = directory.path() / "receiver.pem";
  make_certificate(certificate);
  HttpReceiver encrypted([this](const Received& received) { return react(received); }, certificate);
  webhook.ca_file = certificate.string();
  add(encrypted.url("localhost"));
  EXPECT_EQ(run_until_waiting(*endpoint()).kind, Kind::events);
  EXPECT_EQ(seqs(), all_seqs());
}

}  // namespace
}  // namespace holdfast::server
