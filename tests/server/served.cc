#include "tests/server/served.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace holdfast::served {

std::int64_t Reply::number(const std::string& name) const {
  const auto at = body.find("\"" + name + "\":");
  if (at == std::string::npos) return -1;
  return std::strtoll(body.c_str() + at + name.size() + 3, nullptr, 10);
}

bool Connection::open() {
  close();
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return true;
  close();
  return false;
}

void Connection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

bool Connection::send(std::string_view bytes) {
  if (socket_ < 0 && !open()) return false;
  return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::string Connection::receive() {
  std::array<char, 65'536> chunk{};
  const auto n = socket_ < 0 ? 0 : ::recv(socket_, chunk.data(), chunk.size(), 0);
  return {chunk.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

std::string Connection::head(const std::string& method, const std::string& path,
                             const std::string& fields) const {
  const auto key = key_.empty() ? "" : "Authorization: Bearer " + key_ + "\r\n";
  return method + " " + path + " HTTP/1.1\r\nHost: test\r\n" + key + fields + "\r\n";
}

Stream::Stream(std::uint16_t port, const std::string& key, std::int64_t after, const std::string& fields)
    : connection_(port, key) {
  const auto path = "/v1/events?after=" + std::to_string(after);
  EXPECT_TRUE(connection_.send(connection_.head("GET", path, "Accept: text/event-stream\r\n" + fields)));
  while (received_.find("\r\n\r\n") == std::string::npos) {
    const auto more = connection_.receive();
    if (more.empty()) break;
    received_ += more;
  }
  EXPECT_TRUE(received_.starts_with("HTTP/1.1 200 ")) << received_;
  received_.erase(0, received_.find("\r\n\r\n") + 4);
}

std::optional<std::string> Stream::line() {
  while (true) {
    if (const auto end = body_.find('\n'); end != std::string::npos) {
      auto line = body_.substr(0, end);
      body_.erase(0, end + 1);
      return line;
    }
    const auto head = received_.find("\r\n");
    const auto size = head == std::string::npos ? 0 : std::strtoul(received_.c_str(), nullptr, 16);
    if (head != std::string::npos && received_.size() >= head + 2 + size + 2) {
      if (size == 0) ended_ = true;
      if (ended_) return std::nullopt;
      body_ += received_.substr(head + 2, size);
      received_.erase(0, head + 2 + size + 2);
      continue;
    }
    const auto more = connection_.receive();
    if (more.empty()) return std::nullopt;
    received_ += more;
  }
}

std::optional<std::int64_t> Stream::next() {
  while (auto text = line()) {
    if (text->starts_with("id: ")) return std::strtoll(text->c_str() + 4, nullptr, 10);
  }
  return std::nullopt;
}

Reply Connection::ask(const std::string& method, const std::string& path, const std::string& body) {
  if (socket_ < 0 && !open()) return {};
  std::string request = method + " " + path +
                        " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  if (!body.empty()) request += "Content-Type: application/json\r\n";
  if (!key_.empty()) request += "Authorization: Bearer " + key_ + "\r\n";
  request += "\r\n" + body;
  if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    close();
    return {};
  }
  std::string answer;
  std::size_t head = std::string::npos;
  std::size_t length = 0;
  while (head == std::string::npos || answer.size() < head + length) {
    std::array<char, 65'536> chunk{};
    const auto n = ::recv(socket_, chunk.data(), chunk.size(), 0);
    if (n <= 0) {
      close();
      return {};
    }
    answer.append(chunk.data(), static_cast<std::size_t>(n));
    if (head != std::string::npos) continue;
    const auto end = answer.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    head = end + 4;
    const auto field = answer.find("Content-Length: ");
    length = field < end ? std::strtoul(answer.c_str() + field + 16, nullptr, 10) : 0;
  }
  const bool closes = answer.substr(0, head).find("Connection: close") != std::string::npos;
  if (closes) close();
  return {std::atoi(answer.c_str() + 9), answer.substr(head)};
}

Served::Served(std::string url) : url_(std::move(url)) {
  if (url_.empty()) url_ = (place_.path() / "ledger").string();
  EXPECT_EQ(run({"init"}).code, 0);
  make_key("root", "admin");
  make_key("shop", "operate");
  make_key("auditor", "read");
  start();
  EXPECT_EQ(
      post(
          "/v1/fee-plans",
          R"({"fee_plan":"standard","currency":"EUR","commission":{"rate":"0.05"},"processor_fee":{"rate":"0.03"}})",
          "root")
          .status,
      200);
  EXPECT_EQ(post("/v1/accounts", R"({"account":"payer","currency":"EUR","kind":"user"})").status, 200);
  EXPECT_EQ(post("/v1/accounts", R"({"account":"shop","currency":"EUR","kind":"beneficiary"})").status, 200);
  EXPECT_EQ(post("/v1/deposits", R"({"account":"payer","amount":1000000000000,"key":"payin:1"})").status,
            200);
}

Served::~Served() {
  if (::testing::Test::HasFailure()) std::fputs(log().c_str(), stderr);
}

void Served::start(const std::vector<std::string>& options, const std::vector<std::string>& environment) {
  // The shell and env are replaced by the program: it keeps their process id.
  std::vector<std::string> line = {"/bin/sh", "-c", R"(exec "$@" 2>>"$0")", (place_.path() / "log").string(),
                                   "/usr/bin/env"};
  line.insert(line.end(), environment.begin(), environment.end());
  line.insert(line.end(),
              {HOLDFAST_PROGRAM, "serve", "--ledger", url_, "--state", (place_.path() / "state").string(),
               "--listen", "127.0.0.1:0", "--log-level", "error"});
  line.insert(line.end(), options.begin(), options.end());
  process_ = std::make_unique<crash::Process>(line);
  const auto said = process_->read_line();
  ASSERT_TRUE(said.has_value()) << "the server says where it listens";
  port_ = static_cast<std::uint16_t>(std::atoi(said->c_str() + said->rfind(':') + 1));
  ASSERT_NE(port_, 0) << *said;
}

Reply Served::get(const std::string& path, const std::string& key) const {
  return Connection(port_, key.empty() ? "" : keys_.at(key)).get(path);
}

Reply Served::post(const std::string& path, const std::string& body, const std::string& key) const {
  return Connection(port_, keys_.at(key)).post(path, body);
}

cli::Outcome Served::run(std::vector<std::string> arguments) const {
  arguments.insert(arguments.end(), {"--ledger", url_});
  return cli::holdfast(place_, arguments);
}

std::string Served::make_key(const std::string& name, const std::string& role) {
  auto made = run({"keys", "create", name, "--role", role, "--state", (place_.path() / "state").string()});
  EXPECT_EQ(made.code, 0) << made.err;
  return keys_[name] = made.out.substr(0, made.out.find('\n'));
}

std::string hold_body(const std::string& key, const std::string& more) {
  return R"({"payer":"payer","beneficiary":"shop","amount":)" + std::to_string(kHeld) +
         R"(,"fee_plan":"standard","key":")" + key + "\"" + more + "}";
}

Load::Load(const Served& served, int clients, std::string name)
    : key_(served.key("shop")),
      name_(std::move(name)),
      port_(served.port()),
      clients_(static_cast<std::size_t>(clients)) {
  for (int i = 0; i < clients; ++i) {
    auto& client = clients_[static_cast<std::size_t>(i)];
    client.thread = std::thread([this, &client, i] { run(client, i); });
  }
}

void Load::run(Client& client, int number) {
  auto port = port_.load();
  auto connection = std::make_unique<Connection>(port, key_);
  int n = 0;
  while (!stopping_.load()) {
    if (port != port_.load()) {
      port = port_.load();
      connection = std::make_unique<Connection>(port, key_);
    }
    client.unanswered = name_ + ":" + std::to_string(number) + ":" + std::to_string(n);
    const auto reply = connection->post("/v1/escrows", hold_body(client.unanswered));
    if (reply.status != 200) {
      std::this_thread::yield();
      continue;
    }
    client.acknowledged[client.unanswered] = reply.number("seq");
    client.unanswered.clear();
    ++n;
    answers_.fetch_add(1);
  }
}

void Load::wait_for(std::size_t answers) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (answers_.load() < answers) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "the clients get answers";
    std::this_thread::yield();
  }
}

void Load::stop() {
  stopping_.store(true);
  for (auto& client : clients_) {
    if (client.thread.joinable()) client.thread.join();
  }
}

std::map<std::string, std::int64_t> Load::acknowledged() const {
  std::map<std::string, std::int64_t> all;
  for (const auto& client : clients_) all.insert(client.acknowledged.begin(), client.acknowledged.end());
  return all;
}

std::vector<std::string> Load::unanswered() const {
  std::vector<std::string> all;
  for (const auto& client : clients_) {
    if (!client.unanswered.empty()) all.push_back(client.unanswered);
  }
  return all;
}

/// Every acknowledged hold is there, once: asked again it is a replay with the seq that it had.
void expect_all_there(const Served& served, const std::map<std::string, std::int64_t>& acknowledged) {
  Connection connection(served.port(), served.key("shop"));
  for (const auto& [key, seq] : acknowledged) {
    const auto again = connection.post("/v1/escrows", hold_body(key));
    ASSERT_EQ(again.status, 200) << key << ": " << again.body;
    ASSERT_NE(again.body.find("\"replayed\":true"), std::string::npos)
        << key << " was acknowledged and is lost";
    if (seq > 0) {
      ASSERT_EQ(again.number("seq"), seq) << key;
    }
  }
}

void expect_held(const Served& served, std::size_t holds) {
  const auto account = served.get("/v1/accounts/payer");
  EXPECT_EQ(account.number("held"), kHeld * static_cast<std::int64_t>(holds)) << account.body;
}

void expect_sound(const Served& served) {
  for (const auto* check : {"audit", "verify"}) {
    const auto outcome = served.run({check});
    EXPECT_EQ(outcome.code, 0) << check << ": " << outcome.out << outcome.err;
  }
}

}  // namespace holdfast::served
