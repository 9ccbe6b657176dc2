// Webhooks of the program: named on the command line, sent by the server, over kills; and its metrics.
#include <gtest/gtest.h>

#include <condition_variable>
#include <csignal>
#include <fstream>
#include <iterator>
#include <mutex>
#include <regex>
#include <set>

#include "tests/server/served.h"
#include "tests/support/http_receiver.h"
#include "tests/support/postgres_server.h"

namespace holdfast::served {
namespace {

using namespace std::chrono_literals;

/// What came, in order.
class Inbox {
 public:
  testing::Reaction take(const testing::Received& received) {
    const std::scoped_lock hold(mutex_);
    seqs_.push_back(std::stoll(received.fields.at("holdfast-event-seq")));
    changed_.notify_all();
    return {};
  }
  bool has(std::int64_t seq) {
    std::unique_lock hold(mutex_);
    return changed_.wait_for(hold, 60s, [&] { return !seqs_.empty() && seqs_.back() >= seq; });
  }
  std::vector<std::int64_t> seqs() {
    const std::scoped_lock hold(mutex_);
    return seqs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::int64_t> seqs_;
};

void sent_at_least_once_in_order(Served& served) {
  Inbox inbox;
  const testing::HttpReceiver receiver([&](const auto& received) { return inbox.take(received); });
  const auto added = served.run({"webhooks", "add", "shop", receiver.url(), "--after", "0", "--state",
                                 (served.directory() / "state").string()});
  ASSERT_EQ(added.code, 0) << added.err;
  EXPECT_TRUE(added.out.starts_with("whsec_")) << added.out;
  Load load(served, 4, "hook");
  for (int round = 1; round <= 3; ++round) {
    load.wait_for(static_cast<std::size_t>(100 * round));
    EXPECT_EQ(served.end(SIGKILL), 128 + SIGKILL);
    served.start();
    load.move_to(served.port());
  }
  load.wait_for(400);
  load.stop();
  EXPECT_TRUE(within(10s, [&] { return served.get("/v1/overview").number("unsealed") <= 0; }));
  const auto last =
      served.get("/v1/events?limit=1&after=" + std::to_string(served.get("/v1/overview").number("seq")));
  const auto end = 4 + static_cast<std::int64_t>(load.acknowledged().size());
  ASSERT_TRUE(inbox.has(end)) << last.body;
  std::int64_t highest = 0;
  for (const auto seq : inbox.seqs()) {
    ASSERT_LE(seq, highest + 1) << "none is left out";
    highest = std::max(highest, seq);
  }
  EXPECT_EQ(highest, end) << "each hold is one event, also those that were asked for again";
  EXPECT_TRUE(within(10s, [&] {
    return served.get("/metrics").body.find("\nholdfast_webhook_lag_events{webhook=\"shop\"} 0") !=
           std::string::npos;
  }));
  EXPECT_EQ(served.end(SIGTERM), 0);
}

TEST(ServeWebhooks, AfterKillsEveryEventIsSentInOrder) {
  Served served;
  sent_at_least_once_in_order(served);
}

TEST(ServePostgres, AfterKillsEveryEventIsSentInOrder) {
  testing::PostgresServer postgres;
  Served served(postgres.new_database());
  sent_at_least_once_in_order(served);
}

TEST(ServeWebhooks, TheCommandLineSaysWhatItDoesAndWhatIsWrong) {
  Served served;
  const auto webhooks = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "webhooks");
    arguments.insert(arguments.end(), {"--state", (served.directory() / "state").string()});
    return served.run(arguments);
  };
  const auto refused = [&](const std::vector<std::string>& arguments, int code, std::string_view says) {
    const auto outcome = webhooks(arguments);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
  };
  EXPECT_NE(webhooks({"list"}).out.find("No webhooks"), std::string::npos);
  refused({"remove", "shop"}, 3, "there is no webhook \"shop\"");
  refused({"resume", "shop"}, 3, "there is no webhook \"shop\"");
  refused({"add", "shop", "shop.example"}, 3, "shop.example");
  refused({"add", "shop", "http://shop.example/"}, 3, "--insecure");
  refused({"add", "shop", "https://shop.example/", "--ops", "relase"}, 3, "relase");
  refused({"add", "shop", "https://shop.example/", "--after", "99"}, 3, "the ledger ends at seq 4");
  refused({"add", "shop", "https://shop.example/", "--ca", "no.pem"}, 2, "no.pem");
  refused({"add", "a b", "https://shop.example/"}, 3, "a b");
  refused({"add", "shop", "https://shop.example/", "--after", "1", "--from-now"}, 2, "--from-now");
  refused({}, 2, "subcommand");

  const auto port = testing::closed_port();
  const auto url = "http://127.0.0.1:" + std::to_string(port) + "/";
  EXPECT_EQ(webhooks({"add", "shop", url, "--after", "0"}).code, 0);
  refused({"add", "shop", url}, 3, "shop");
  refused({"replay", "shop", "--after", "99"}, 3, "the ledger ends at seq 4");
  refused({"replay", "shop"}, 2, "--after");
  EXPECT_TRUE(within(10s, [&] { return served.get("/v1/webhooks", "root").number("attempts") > 0; }));
  const auto listed = webhooks({"list", "--json"});
  EXPECT_NE(listed.out.find(R"("state":"retrying")"), std::string::npos) << listed.out;
  EXPECT_EQ(listed.out.find("whsec_"), std::string::npos) << "the secret is shown once";
  EXPECT_NE(served.get("/metrics")
                .body.find(R"(holdfast_webhook_deliveries_total{webhook="shop",outcome="unanswered"})"),
            std::string::npos);
  EXPECT_EQ(webhooks({"replay", "shop", "--after", "2"}).code, 0);
  EXPECT_TRUE(within(10s, [&] { return served.get("/v1/webhooks", "root").number("position") == 2; }));
  EXPECT_EQ(webhooks({"resume", "shop"}).code, 0);
  EXPECT_EQ(webhooks({"remove", "shop", "--json"}).out, "{\"webhook\":\"shop\",\"removed\":true}\n");
  EXPECT_TRUE(
      within(10s, [&] { return served.get("/v1/webhooks", "root").body == R"({"rows":[],"next":null})"; }));
  EXPECT_EQ(served.end(SIGTERM), 0);
}

std::set<std::string> metrics_in(const std::string& text) {
  std::set<std::string> names;
  const std::regex name("holdfast_[a-z0-9_]+");
  for (std::sregex_iterator each(text.begin(), text.end(), name), end; each != end; ++each) {
    names.insert(each->str());
  }
  return names;
}

// A rule on a metric that nobody exports would be silent for ever; a metric that nobody is told of is not
// there.
TEST(ServeMetrics, TheRulesTheDashboardAndTheDocumentNameWhatARealServerExports) {
  const Served served;
  const testing::HttpReceiver receiver([](const auto&) { return testing::Reaction{}; });
  ASSERT_EQ(served.run({"webhooks", "add", "shop", receiver.url(), "--state", "../state"}).code, 0);
  ASSERT_EQ(served.post("/v1/escrows", hold_body("one")).status, 200);
  ASSERT_EQ(served.post("/v1/releases", R"({"escrows":["one"]})").status, 200);
  const auto said = [&] { return served.get("/metrics").body; };
  EXPECT_TRUE(within(10s, [&] { return said().find("holdfast_webhook_failed{") != std::string::npos; }));
  EXPECT_TRUE(within(10s, [&] { return said().find("holdfast_settled_minor_total{") != std::string::npos; }));
  EXPECT_TRUE(within(10s, [&] { return said().find("holdfast_amount_minor{") != std::string::npos; }));
  const auto text = said();
  std::set<std::string> families;
  std::set<std::string> series;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7, line.find(' ', 7) - 7));
    if (!line.starts_with('#')) series.insert(line.substr(0, line.find_first_of("{ ")));
  }
  const auto named = [](const char* file) {
    std::ifstream in(std::filesystem::path(HOLDFAST_SOURCE_DIR) / file);
    EXPECT_TRUE(in.good()) << file;
    return metrics_in({std::istreambuf_iterator<char>(in), {}});
  };
  // Only after an audit, which takes its time.
  const std::set<std::string> later = {"holdfast_law_ok", "holdfast_audit_age_seconds",
                                       "holdfast_audit_seconds"};
  for (const auto* file : {"packaging/prometheus/alerts.yml", "packaging/grafana/holdfast.json"}) {
    for (const auto& name : named(file)) {
      EXPECT_TRUE(series.contains(name) || later.contains(name)) << file << " names " << name;
    }
  }
  const auto document = named("docs/operations.md");
  for (const auto& family : families)
    EXPECT_TRUE(document.contains(family)) << family << " is not in the document";
  for (const auto& name : document) EXPECT_TRUE(families.contains(name)) << "there is no " << name;
}

}  // namespace
}  // namespace holdfast::served
