// The webhooks of a running server: their file, their threads, their API.
#include "server/webhooks.h"

#include <gtest/gtest.h>

#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <future>

#include "server/webhooks_api.h"
#include "service/testing/shop.h"
#include "tests/support/http_receiver.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::server {
namespace {

using namespace std::chrono_literals;
using namespace holdfast::testing;

/// What a receiver took; the test waits for it.
class Inbox {
 public:
  Reaction take(const Received& received) {
    const std::lock_guard lock(mutex_);
    seqs_.push_back(std::stoull(received.fields.at("holdfast-event-seq")));
    changed_.notify_all();
    return {};
  }
  /// Waits until so many have come; false after a minute.
  bool has(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [&] { return seqs_.size() >= count; });
  }
  std::vector<std::uint64_t> seqs() {
    const std::lock_guard lock(mutex_);
    return seqs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> seqs_;
};

/// The receiver of docs/webhooks.md, as a process of its own.
class PythonReceiver {
 public:
  PythonReceiver(const std::string& secret, unsigned short port) {
    int out[2];
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(out[1], 1);
      ::setenv("SECRET", secret.c_str(), 1);
      const auto number = std::to_string(port);
      ::execlp("python3", "python3", HOLDFAST_SOURCE_DIR "/tests/webhooks/receiver.py", number.c_str(),
               nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    output_ = ::fdopen(out[0], "r");
  }
  ~PythonReceiver() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    std::fclose(output_);
  }
  PythonReceiver(const PythonReceiver&) = delete;
  PythonReceiver& operator=(const PythonReceiver&) = delete;

  std::string line() {
    std::array<char, 256> text{};
    return std::fgets(text.data(), text.size(), output_) == nullptr ? "" : text.data();
  }

 private:
  pid_t process_ = -1;
  std::FILE* output_ = nullptr;
};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::uint64_t> range(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all;
  for (auto i = from; i <= to; ++i) all.push_back(i);
  return all;
}

class WebhooksTest : public ::testing::Test {
 protected:
  WebhooksTest()
      : ledger(open_ledger(directory.path() / "ledger")),
        state(must(StateDirectory::open(directory.path() / "state"))) {
    stock(ledger);  // six events
  }

  Webhook add(const std::string& name, const std::string& url, Seq after = {}) {
    Webhook webhook;
    webhook.name = name;
    webhook.url = url;
    webhook.after = after;
    return must(add_webhook(*state, webhook, system_clock(), system_random()));
  }
  std::unique_ptr<Webhooks> open() {
    WebhooksOptions options;
    options.watch = 10ms;
    options.delivery.first_delay = 5ms;
    options.delivery.max_delay = 5ms;
    return must(Webhooks::open(
        {*state, ledger, follower, pages, system_clock(), system_random(), [](const WebhookNotice&) {}},
        options));
  }
  http::Response ask(Webhooks& webhooks, std::size_t route, std::vector<std::string> path = {},
                     std::string body = {}) {
    const auto routes = webhook_routes(
        webhooks, ledger, [](const std::function<void()>& work) { return work(), true; },
        [](const Error& error, const http::Head&) {
          http::Response response;
          response.status = 400;
          response.body = error.message;
          return response;
        });
    Call call;
    call.path = std::move(path);
    call.request.body = std::move(body);
    http::Response answer;
    EXPECT_EQ(routes.at(route).role, Role::admin);
    routes.at(route).run(std::move(call), [&](http::Response response) { answer = std::move(response); });
    return answer;
  }
  void write_one() {
    run(ledger, deposit("d" + std::to_string(++written_), "alice", 1));
    follower.nudge();
  }

  TemporaryDirectory directory;
  Ledger ledger;
  std::unique_ptr<StateDirectory> state;
  Follower follower{ledger, system_clock()};
  EventPages pages{ledger};
  Inbox inbox;
  HttpReceiver receiver{[this](const Received& received) { return inbox.take(received); }};

 private:
  int written_ = 0;
};

TEST_F(WebhooksTest, EventsAreSentAsTheyCome) {
  add("shop", receiver.url());
  const auto webhooks = open();
  ASSERT_TRUE(inbox.has(6));
  for (int i = 0; i < 50; ++i) write_one();
  ASSERT_TRUE(inbox.has(56));
  EXPECT_EQ(inbox.seqs(), range(1, 56));
}

TEST_F(WebhooksTest, ARestartGoesOnAndLosesNothing) {
  add("shop", receiver.url());
  auto webhooks = open();
  ASSERT_TRUE(inbox.has(6));
  // Its answer is under way until the server has noted it; one that is stopped before that is sent again.
  while (webhooks->states().front().progress.position < Seq(6)) std::this_thread::yield();
  webhooks->stop();
  write_one();
  webhooks = open();
  ASSERT_TRUE(inbox.has(7));
  EXPECT_EQ(inbox.seqs(), range(1, 7)) << "what was taken is noted when it stops";
}

TEST_F(WebhooksTest, ASlowReceiverHoldsUpNobodyElse) {
  HttpReceiver slow([](const Received&) { return Reaction{.kind = Reaction::Kind::silence}; });
  add("slow", slow.url());
  add("quick", receiver.url());
  const auto webhooks = open();
  ASSERT_TRUE(inbox.has(6));
  for (int i = 0; i < 20; ++i) write_one();
  ASSERT_TRUE(inbox.has(26));
  webhooks->stop();  // does not wait for the slow one either
  EXPECT_EQ(inbox.seqs(), range(1, 26));
}

TEST_F(WebhooksTest, AReceiverThatComesBackGetsWhatItMissed) {
  std::atomic<bool> down = true;
  HttpReceiver flaky(
      [&](const Received& received) { return down ? Reaction{.status = 503} : inbox.take(received); });
  add("shop", flaky.url());
  const auto webhooks = open();
  while (webhooks->states().at(0).progress.attempts < 3) std::this_thread::yield();
  write_one();
  down = false;
  ASSERT_TRUE(inbox.has(7));
  EXPECT_EQ(inbox.seqs(), range(1, 7));
}

TEST_F(WebhooksTest, WhatPeopleChangeIsSeen) {
  const auto webhooks = open();
  EXPECT_TRUE(webhooks->states().empty());
  add("shop", receiver.url(), Seq(4));
  ASSERT_TRUE(inbox.has(2));
  EXPECT_EQ(inbox.seqs(), range(5, 6));
  ASSERT_TRUE(remove_webhook(*state, "shop"));
  while (!webhooks->states().empty()) std::this_thread::yield();
  write_one();
  add("shop", receiver.url(), Seq(5));
  ASSERT_TRUE(inbox.has(4));
  EXPECT_EQ(inbox.seqs(), (std::vector<std::uint64_t>{5, 6, 6, 7})) << "the one before left nothing behind";
}

TEST_F(WebhooksTest, AReplayIsAskedForOverTheApi) {
  add("shop", receiver.url());
  const auto webhooks = open();
  ASSERT_TRUE(inbox.has(6));
  const auto answer = ask(*webhooks, 1, {"shop"}, R"({"after":3})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  ASSERT_TRUE(inbox.has(9));
  EXPECT_EQ(inbox.seqs(), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 4, 5, 6}));
}

TEST_F(WebhooksTest, TheApiShowsHowTheyStandButNoSecret) {
  const auto webhook = add("shop", receiver.url());
  const auto webhooks = open();
  ASSERT_TRUE(inbox.has(6));
  while (webhooks->states().at(0).counts.taken < 6) std::this_thread::yield();
  const auto body = ask(*webhooks, 0).body;
  EXPECT_TRUE(body.starts_with(
      R"({"rows":[{"webhook":"shop","url":")" + receiver.url() +
      R"(","ops":[],"state":"active","position":6,"lag":0,"failing_since":null,"attempts":0,)"
      R"("last_error":null,"next_try":null,"last_delivery":")"))
      << body;
  EXPECT_EQ(body.find(webhook.secret), std::string::npos);
}

TEST_F(WebhooksTest, AReplayThatCannotBeIsRefused) {
  add("shop", receiver.url());
  const auto webhooks = open();
  const std::pair<std::string, std::string> cases[] = {
      {R"({"after":7})", "the ledger ends at seq 6: there is no event 7"},
      {R"({})", R"(replay: field "after" is missing: the seq to begin after)"},
      {R"({"after":-1})",
       R"(replay: field "after" must be an event's seq from 0 to 9223372036854775807, not -1)"},
      {R"([])", R"(replay takes an object such as {"after":0})"},
  };
  for (const auto& [body, message] : cases) {
    const auto answer = ask(*webhooks, 1, {"shop"}, body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body, message);
  }
  const auto unknown = ask(*webhooks, 1, {"none"}, R"({"after":0})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_NE(unknown.body.find(R"("detail":"there is no webhook \"none\"")"), std::string::npos)
      << unknown.body;
}

TEST_F(WebhooksTest, AFileThatIsDamagedIsSaidAndTheWebhooksStayAsTheyWere) {
  add("shop", receiver.url());
  const auto webhooks = open();
  ASSERT_TRUE(inbox.has(6));
  ASSERT_TRUE(state->replace(kWebhooksFile, "{\"webhooks\":[{}]}"));
  write_one();
  ASSERT_TRUE(inbox.has(7));
  const auto read = read_webhooks(*state);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::corrupt);
}

TEST_F(WebhooksTest, TheReceiverOfTheDocumentTakesEachEventOnce) {
  const std::filesystem::path root = HOLDFAST_SOURCE_DIR;
  EXPECT_NE(text_of(root / "docs/webhooks.md").find(text_of(root / "tests/webhooks/receiver.py")),
            std::string::npos)
      << "the document shows what is run here";
  const auto port = closed_port();
  const auto webhook = add("shop", "http://127.0.0.1:" + std::to_string(port) + "/");
  PythonReceiver python(webhook.secret, port);
  const auto webhooks = open();
  for (const auto& event : must(ledger.events(Seq(), 10)).rows) {
    EXPECT_EQ(python.line(), std::to_string(event.seq.value()) + " " + event.op + "\n");
  }
  ASSERT_TRUE(webhooks->replay("shop", Seq()));
  write_one();
  EXPECT_EQ(python.line(), "7 deposit\n") << "what it has taken already it answers, and does nothing";
}

TEST_F(WebhooksTest, WhatCannotBeAWebhookIsRefused) {
  const auto refused = [&](const std::string& name, const std::string& url, std::vector<std::string> ops = {},
                           bool insecure = false) {
    Webhook webhook;
    webhook.name = name;
    webhook.url = url;
    webhook.ops = std::move(ops);
    webhook.insecure = insecure;
    const auto added = add_webhook(*state, webhook, system_clock(), system_random());
    return !added && added.error().code == ErrorCode::invalid_command;
  };
  EXPECT_TRUE(refused("", "https://h/"));
  EXPECT_TRUE(refused("../keys", "https://h/"));
  EXPECT_TRUE(refused("a.tmp", "https://h/"));
  EXPECT_TRUE(refused("shop", "shop.example"));
  EXPECT_TRUE(refused("shop", "http://shop.example/"));
  EXPECT_TRUE(refused("shop", "https://h/", {"relase"}));
  EXPECT_FALSE(refused("shop", "http://shop.example/", {"release"}, true));
  EXPECT_TRUE(refused("shop", "https://h/")) << "its name is taken";
}

}  // namespace
}  // namespace holdfast::server
