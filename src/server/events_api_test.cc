// `/v1/events`, asked as the transport would ask: pages, long polls, streams.
#include "server/events_api.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <future>
#include <thread>

#include "json/document.h"
#include "json/render.h"
#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::server {
namespace {

using namespace std::chrono_literals;
using namespace holdfast::testing;

class EventsApiTest : public ::testing::Test {
 protected:
  EventsApiTest() : ledger(open_ledger(directory.path())) { stock(ledger); }
  ~EventsApiTest() override {
    follower.stop();
    for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i].join();
  }

  /// A thread for each piece of work: the slowest that workers can be, and never full unless told so.
  Execute execute() {
    return [this](std::function<void()> work) {
      if (full) return false;
      const std::lock_guard lock(mutex_);
      workers_.emplace_back(std::move(work));
      return true;
    };
  }
  std::vector<Route> routes(EventsOptions options = {}) {
    return event_routes({pages, follower, system_clock(), execute(),
                         [](const Error& error, const http::Head&) {
                           http::Response response;
                           response.status = is_rejection(error.code) ? 400 : 503;
                           response.body = error.message;
                           return response;
                         },
                         [this](const Caller&) { return !revoked; }},
                        options);
  }
  std::future<http::Response> ask(std::map<std::string, std::string> query,
                                  std::vector<std::pair<std::string, std::string>> fields = {},
                                  EventsOptions options = {}) {
    Call call;
    call.query = std::move(query);
    call.request.head.method = "GET";
    call.request.head.fields = std::move(fields);
    auto promise = std::make_shared<std::promise<http::Response>>();
    auto future = promise->get_future();
    routes(options).at(0).run(
        std::move(call), [promise](http::Response response) { promise->set_value(std::move(response)); });
    return future;
  }
  std::shared_ptr<http::BodySource> stream(std::map<std::string, std::string> query,
                                           std::vector<std::pair<std::string, std::string>> fields = {},
                                           EventsOptions options = {}) {
    fields.emplace_back("accept", "text/event-stream");
    auto response = ask(std::move(query), std::move(fields), options).get();
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, "text/event-stream");
    return response.source;
  }
  static std::optional<std::string> next(const std::shared_ptr<http::BodySource>& source) {
    std::promise<std::optional<std::string>> piece;
    source->next([&](std::optional<std::string> text) { piece.set_value(std::move(text)); });
    return piece.get_future().get();
  }
  /// The ids of the events in a piece of a stream.
  static std::vector<std::uint64_t> ids(const std::string& piece) {
    std::vector<std::uint64_t> found;
    for (std::size_t at = piece.find("id: "); at != piece.npos; at = piece.find("\nid: ", at + 1)) {
      found.push_back(std::stoull(piece.substr(piece.find(' ', at) + 1)));
    }
    return found;
  }

  std::string expected_page(Seq after, std::size_t limit) const {
    const auto page = must(ledger.events(after, limit));
    std::string text = "{\"rows\":[";
    for (const auto& row : page.rows) text += (text.back() == '[' ? "" : ",") + json::to_json(row);
    return text + "],\"next\":" + (page.next ? std::to_string(page.next->value()) : "null") + "}";
  }
  Seq last() const { return must(ledger.status()).seq; }
  void write_one() {
    run(ledger, deposit("d" + std::to_string(++written_), "alice", 1));
    follower.nudge();
  }

  TemporaryDirectory directory;
  Ledger ledger;
  Follower follower{ledger, system_clock(), {.poll = 1h}};
  EventPages pages{ledger};
  std::atomic<bool> full = false;
  std::atomic<bool> revoked = false;

 private:
  std::mutex mutex_;
  std::deque<std::thread> workers_;
  int written_ = 0;
};

TEST_F(EventsApiTest, APageIsAnsweredAtOnce) {
  EXPECT_EQ(ask({}).get().body, expected_page(Seq(), 100));
  EXPECT_EQ(ask({{"after", "2"}, {"limit", "3"}}).get().body, expected_page(Seq(2), 3));
  EXPECT_EQ(ask({{"after", "2"}, {"limit", "3"}, {"wait", "60"}}).get().body, expected_page(Seq(2), 3));
  EXPECT_EQ(ask({{"after", std::to_string(last().value())}}).get().body, "{\"rows\":[],\"next\":null}");
  EXPECT_TRUE(json::Document::parse(ask({}).get().body));
}

TEST_F(EventsApiTest, PagesJoinToAllEventsWhateverTheirSize) {
  for (int i = 0; i < 300; ++i) write_one();
  for (const std::size_t limit : {1, 63, 64, 65, 200, 10'000}) {
    Seq after;
    while (after < last()) {
      const auto page = must(pages.read(after, limit));
      ASSERT_FALSE(page->rows.empty());
      ASSERT_LE(page->rows.size(), limit);
      for (const auto& row : page->rows) {
        ASSERT_EQ(row.seq, after.next());
        after = row.seq;
      }
      EXPECT_EQ(page->next, after < last() ? std::optional(after) : std::nullopt) << limit;
    }
  }
}

TEST_F(EventsApiTest, WhatIsWrongIsSaid) {
  const std::pair<std::map<std::string, std::string>, std::string> cases[] = {
      {{{"after", "x"}}, R"("after" must be a number from 0 to 9223372036854775807, not "x")"},
      {{{"after", "-1"}}, R"("after" must be a number from 0 to 9223372036854775807, not "-1")"},
      {{{"limit", "0"}}, R"("limit" must be a number from 1 to 10000, not "0")"},
      {{{"limit", "10001"}}, R"("limit" must be a number from 1 to 10000, not "10001")"},
      {{{"wait", "61"}}, R"("wait" must be a number from 0 to 60, not "61")"},
      {{{"wait", ""}}, R"("wait" must be a number from 0 to 60, not "")"},
  };
  for (const auto& [query, message] : cases) {
    const auto response = ask(query).get();
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.body, message);
  }
  const auto response = ask({}, {{"accept", "text/event-stream"}, {"last-event-id", "abc"}}).get();
  EXPECT_EQ(response.status, 400);
}

TEST_F(EventsApiTest, ALongPollIsAnsweredWhenSomethingHappens) {
  const auto before = last();
  auto answer = ask({{"after", std::to_string(before.value())}, {"wait", "60"}});
  ASSERT_EQ(answer.wait_for(20ms), std::future_status::timeout);
  const auto start = system_clock().monotonic();
  write_one();
  EXPECT_EQ(answer.get().body, expected_page(before, 100));
  EXPECT_LT(system_clock().monotonic() - start, 5s) << "the nudge woke it, not the end of its wait";
}

TEST_F(EventsApiTest, ALongPollThatSeesNothingEndsWithItsWait) {
  const auto start = system_clock().monotonic();
  auto answer = ask({{"after", std::to_string(last().value())}, {"wait", "1"}});
  EXPECT_EQ(answer.get().body, "{\"rows\":[],\"next\":null}");
  EXPECT_GE(system_clock().monotonic() - start, 1s);
}

TEST_F(EventsApiTest, ManyLongPollsGetTheSamePage) {
  const auto before = last();
  std::vector<std::future<http::Response>> answers;
  for (int i = 0; i < 200; ++i) {
    answers.push_back(ask({{"after", std::to_string(before.value())}, {"wait", "60"}}));
  }
  while (follower.waiting() < answers.size()) std::this_thread::yield();
  write_one();
  for (auto& answer : answers) EXPECT_EQ(answer.get().body, expected_page(before, 100));
}

TEST_F(EventsApiTest, DrainingAnswersWhoWaits) {
  auto answer = ask({{"after", std::to_string(last().value())}, {"wait", "60"}});
  follower.stop();
  EXPECT_EQ(answer.get().body, "{\"rows\":[],\"next\":null}");
}

TEST_F(EventsApiTest, WithoutRoomAPollIsToldSoAndAStreamWaits) {
  full = true;
  const auto response = ask({}).get();
  EXPECT_EQ(response.status, 503);
  auto source = stream({}, {}, {.no_room_delay = 10ms});
  ASSERT_TRUE(next(source));
  std::promise<std::optional<std::string>> piece;
  source->next([&](std::optional<std::string> text) { piece.set_value(std::move(text)); });
  while (follower.waiting() == 0) std::this_thread::yield();
  full = false;
  EXPECT_EQ(ids(piece.get_future().get().value()).front(), 1U);
}

TEST_F(EventsApiTest, AStreamGivesEveryEventOnceInOrder) {
  auto source = stream({{"after", "2"}});
  EXPECT_EQ(next(source), "retry: 2000\n\n");
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) write_one();
  });
  std::uint64_t seen = 2;
  while (seen < 306) {
    const auto piece = next(source);
    ASSERT_TRUE(piece);
    for (const auto id : ids(*piece)) ASSERT_EQ(id, ++seen);
  }
  writer.join();
}

TEST_F(EventsApiTest, AnEventOfAStreamIsOneLineOfJsonUnderItsNumberAndOp) {
  auto source = stream({{"after", std::to_string(last().value() - 1)}});
  (void)next(source);
  const auto event = must(ledger.events(Seq(last().value() - 1), 1)).rows.at(0);
  EXPECT_EQ(next(source), "id: " + std::to_string(last().value()) +
                              "\nevent: deposit\ndata: " + json::to_json(event) + "\n\n");
}

TEST_F(EventsApiTest, AStreamThatWasCutResumesAfterTheLastEventSeen) {
  auto source = stream({});
  (void)next(source);
  EXPECT_EQ(ids(next(source).value()).back(), last().value());
  source.reset();  // the client is cut off while it waits
  write_one();
  source = stream({{"after", "0"}}, {{"last-event-id", std::to_string(last().value() - 1)}});
  (void)next(source);
  EXPECT_EQ(ids(next(source).value()), std::vector{last().value()});
}

TEST_F(EventsApiTest, TheFieldOfStreamsIsNothingToALongPoll) {
  for (const auto* seq : {"2", "abc"}) {
    EXPECT_EQ(ask({{"after", "1"}, {"limit", "3"}}, {{"last-event-id", seq}}).get().body,
              expected_page(Seq(1), 3));
  }
}

TEST_F(EventsApiTest, AStreamWithNothingToSaySaysSo) {
  auto source = stream({{"after", std::to_string(last().value())}}, {}, {.heartbeat = 10ms});
  (void)next(source);
  EXPECT_EQ(next(source), ": nothing new\n\n");
  EXPECT_EQ(next(source), ": nothing new\n\n");
  write_one();
  EXPECT_EQ(ids(next(source).value()), std::vector{last().value()});
}

TEST_F(EventsApiTest, AStreamEndsWhenTheServerDrains) {
  auto source = stream({{"after", std::to_string(last().value())}});
  (void)next(source);
  std::promise<std::optional<std::string>> piece;
  source->next([&](std::optional<std::string> text) { piece.set_value(std::move(text)); });
  follower.stop();
  EXPECT_EQ(piece.get_future().get(), std::nullopt);
}

TEST_F(EventsApiTest, AClientThatGoesLeavesNothingWaiting) {
  auto source = stream({{"after", std::to_string(last().value())}});
  (void)next(source);
  source->next([](const std::optional<std::string>&) { ADD_FAILURE() << "nobody asks any more"; });
  while (follower.waiting() == 0) std::this_thread::yield();
  source.reset();
  // The worker that made the wait may hold the stream for a moment longer; then nothing waits, or this test
  // ends by its limit.
  while (follower.waiting() != 0) std::this_thread::yield();
}

TEST_F(EventsApiTest, AStreamEndsSoonAfterItsKeyIsRevoked) {
  EventsOptions options;
  options.check = 1ms;
  const auto waiting = stream({{"after", std::to_string(last().value())}}, {}, options);
  (void)next(waiting);  // its beginning
  auto rest = std::async(std::launch::async, [&] { return next(waiting); });
  EXPECT_EQ(rest.wait_for(20ms), std::future_status::timeout) << "while the key is good it waits";
  revoked = true;
  EXPECT_EQ(rest.get(), std::nullopt);

  revoked = false;
  const auto reading = stream({{"after", "0"}});
  (void)next(reading);
  revoked = true;
  EXPECT_EQ(next(reading), std::nullopt) << "nor is it read for";
}

TEST_F(EventsApiTest, ALongPollWhoseKeyIsRevokedGetsNothing) {
  auto answer = ask({{"after", std::to_string(last().value())}, {"wait", "60"}});
  while (follower.waiting() == 0) std::this_thread::yield();
  revoked = true;
  write_one();
  EXPECT_EQ(answer.get().body, R"({"rows":[],"next":null})");
}

}  // namespace
}  // namespace holdfast::server
