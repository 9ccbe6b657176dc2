// The real server over real TLS: what a client may do to a connection, between the handshake and the end.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/support/served_echo.h"

namespace holdfast::http {
namespace {

using std::chrono::milliseconds;
using testing::kGet;
using testing::kLarge;
using testing::WireClient;
using Tls = WireClient::Tls;

class HttpsServer : public testing::ServedEcho {};

INSTANTIATE_TEST_SUITE_P(Versions, HttpsServer, ::testing::Values(Tls::v1_2, Tls::v1_3),
                         [](const auto& tls) { return tls.param == Tls::v1_2 ? "Tls12" : "Tls13"; });

TEST_P(HttpsServer, AnswersAndKeepsTheConnection) {
  start();
  auto to = client();
  EXPECT_EQ(to.tls_version(), GetParam() == Tls::v1_2 ? "TLSv1.2" : "TLSv1.3");
  EXPECT_EQ(to.protocol(), "http/1.1");
  for (int i = 0; i < 3; ++i) {
    to.send(fmt::format("POST /{} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", i));
    EXPECT_TRUE(to.read_until(" hi").ends_with(fmt::format("\r\n\r\nPOST /{} hi", i)));
  }
  to.send("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(to.read_all().ends_with("GET /last "));
  EXPECT_TRUE(to.said_goodbye());
}

// What OpenSSL has read and nobody asked it for yet makes no socket readable.
TEST_P(HttpsServer, AnswersMorePipelinedRequestsThanItReadsAhead) {
  start();
  constexpr std::size_t kReadAtOnce = 65'536;
  std::string requests;
  int count = 0;
  const auto next = [&] { return fmt::format("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", count); };
  for (; requests.size() + 200 < kReadAtOnce; ++count) requests += next();
  const auto missing = kReadAtOnce + 4 - requests.size() - next().size();
  requests +=
      fmt::format("GET /{} HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", count, std::string(missing - 5, 'a'));
  ASSERT_EQ(requests.size(), kReadAtOnce + 4);  // with the records below, four bytes of the last stay behind

  auto to = client();
  const std::string body(std::size_t{8} << 20,
                         'b');  // makes the system's buffers grow: all must fit in there
  to.send(fmt::format("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.size()) + body);
  (void)to.read_until("POST /b " + body);
  to.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
  echo_.wait_until_at_gate();
  to.send(std::string_view(requests).substr(0, 4));
  to.send(std::string_view(requests).substr(4));
  echo_.open_gate();
  EXPECT_TRUE(to.read_until("GET /gate ").starts_with("HTTP/1.1 200"));
  for (int i = 0; i <= count; ++i) {
    const auto wanted = fmt::format("GET /{} ", i);
    ASSERT_TRUE(to.read_until(wanted).ends_with(wanted)) << i;
  }
}

TEST_P(HttpsServer, TakesALargeBodyAndGivesALargeOne) {
  start();
  const std::string body(std::size_t{3} << 20, 'b');
  auto to = client();
  to.send(fmt::format("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.size()) + body);
  EXPECT_NE(to.read_until("POST /x " + body).find("200 OK"), std::string::npos);
  to.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_GT(to.read_all().size(), kLarge);
}

TEST_P(HttpsServer, TellsWhoSpeaksPlainHttpToIt) {
  start();
  for (const std::string_view request :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\n"}) {
    auto to = plain_client();
    to.send(request);
    const auto answer = to.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_TRUE(answer.ends_with("this port speaks TLS: use https://")) << answer;
  }
  expect_it_goes_on();
}

TEST_P(HttpsServer, EndsWhatIsNoHandshake) {
  start();
  for (const auto& bytes : {std::string("\x16\x03\x01\x00\x05hello", 10), std::string(40'000, '\xff'),
                            std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string(70'000, '\0')}) {
    auto to = plain_client();
    to.send(bytes);
    EXPECT_EQ(to.read_all().find("HTTP"), std::string::npos);  // an alert, if anything
  }
  expect_it_goes_on();
}

TEST_P(HttpsServer, CutsOffAHandshakeThatDoesNotComeInTime) {
  start({.head_time = milliseconds(100)});
  auto silent = plain_client();
  auto half = plain_client();
  half.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  auto odd = plain_client();
  odd.send("\xff\xff\xff");  // the beginning of a longer record
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(half.read_all(), "");
  EXPECT_EQ(odd.read_all(), "");
}

TEST_P(HttpsServer, EndsAHandshakeThatItsClientGivesUp) {
  start();
  {
    const auto gone = plain_client();
    gone.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  }
  {
    const auto at_once = plain_client();
  }
  {
    const auto rude = plain_client();
    rude.send(std::string_view("\x16\x03\x01", 3));
    rude.reset();
  }
  expect_it_goes_on();
  EXPECT_TRUE(server_->drain(milliseconds(20'000)));
}

TEST_P(HttpsServer, LetsGoOfAClientThatLeavesWithoutAWord) {
  start();
  {
    auto to = client();
    to.send(kGet);
    (void)to.read_until("GET /x ");
  }
  {
    const auto to = client();
    to.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  }
  {
    const auto to = client();
    to.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    to.reset();
  }
  expect_it_goes_on();
  EXPECT_TRUE(server_->drain(milliseconds(20'000)));
}

TEST_P(HttpsServer, HoldsManyConnections) {
  start();
  std::vector<WireClient> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(client());
  for (const auto& each : clients) each.send(kGet);
  for (auto& each : clients) ASSERT_TRUE(each.read_until("GET /x ").ends_with("GET /x "));
  EXPECT_EQ(server_->connections(), 200);
}

TEST_P(HttpsServer, TakesANewCertificateForNewConnections) {
  start();
  auto old = client();
  EXPECT_EQ(old.certificate_name(), "first");
  holdfast::testing::make_certificate(certificate_, "second");
  EXPECT_EQ(client().certificate_name(), "first");
  ASSERT_TRUE(server_->reload_tls());
  EXPECT_EQ(client().certificate_name(), "second");
  old.send(kGet);
  EXPECT_TRUE(old.read_until("GET /x ").starts_with("HTTP/1.1 200"));
}

TEST_P(HttpsServer, KeepsTheOldCertificateWhereTheNewOneCannotBeUsed) {
  start();
  std::ofstream(certificate_) << "no certificate\n";
  const auto reloaded = server_->reload_tls();
  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().code, ErrorCode::invalid_command);
  EXPECT_EQ(client().certificate_name(), "first");
}

// ---- what is wrong with the files ------------------------------------------------------------------

class TlsFilesTest : public ::testing::Test {
 protected:
  std::string complaint(const TlsFiles& files) {
    testing::Echo echo;
    const auto started = Server::start({.tls = files}, echo);
    if (started) return "none";
    EXPECT_EQ(started.error().code, ErrorCode::invalid_command);
    return started.error().message;
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory_.path() / name).string();
  }

  holdfast::testing::TemporaryDirectory directory_;
};

TEST_F(TlsFilesTest, SaysWhatWhereAndWhatToDo) {
  holdfast::testing::make_certificate(path("good.pem"));
  holdfast::testing::make_certificate(path("other.pem"));
  std::ofstream(path("empty.pem")).flush();
  std::filesystem::create_directory(path("directory"));
  EXPECT_EQ(complaint({path("good.pem"), path("good.pem")}), "none");
  EXPECT_EQ(complaint({path("none.pem"), path("good.pem")}),
            "the TLS certificate " + path("none.pem") +
                " cannot be used: No such file or directory. It is to be a PEM file that begins with the "
                "server's own certificate, and that the server may read");
  EXPECT_EQ(
      complaint({path("good.pem"), path("none.pem")}),
      "the TLS key " + path("none.pem") +
          " cannot be used: No such file or directory. It is to be a PEM file without a passphrase, and "
          "that the server may read");
  const auto expect = [&](const TlsFiles& files, std::string_view part) {
    const auto said = complaint(files);
    EXPECT_NE(said.find(part), std::string::npos) << said;
  };
  expect({path("directory"), path("good.pem")}, "no start line");
  expect({path("empty.pem"), path("good.pem")}, "no start line");
  expect({path("good.pem"), path("other.pem")}, "does not belong to the certificate");
}

}  // namespace
}  // namespace holdfast::http
