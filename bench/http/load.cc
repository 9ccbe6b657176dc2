// Load for a server: releases over many keep-alive connections, each of which waits for its answer before it
// asks again; or connections that do nothing. One thread on plain sockets, so that little of the machine goes
// to the client. Every answer is read and checked. Prints one line of JSON.
//
//   http_load releases --port P --key K --first 1 --escrows 1000000 --batch 8192 --connections 2
//   http_load idle --port P --connections 5000     until its standard input ends
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::uint16_t port = 0;
  std::string key;
  std::uint64_t first = 1;  // the first escrow's id; the others follow it without gaps
  std::uint64_t escrows = 0;
  std::size_t batch = 1;
  std::size_t connections = 64;
  std::string order = "random";
};

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) give_up("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/// The answer at the front of what was read.
struct Answer {
  bool complete = false;
  int status = 0;
  std::string_view body;
};

Answer answer_in(std::string_view in) {
  Answer answer;
  const auto end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return answer;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const auto at = in.find(kLength);
  if (!in.starts_with("HTTP/1.1 ") || at > end) throw std::runtime_error("an answer without a length came");
  const auto number = in.substr(at + kLength.size());
  std::size_t length = 0;
  std::from_chars(number.data(), number.data() + number.size(), length);
  if (in.size() < end + 4 + length) return answer;
  std::from_chars(in.data() + 9, in.data() + 12, answer.status);
  answer.body = in.substr(end + 4, length);
  answer.complete = true;
  return answer;
}

class Load {
 public:
  explicit Load(const Options& options) : options_(options), ids_(options.escrows) {
    std::iota(ids_.begin(), ids_.end(), options.first);
    if (options.order == "random") std::shuffle(ids_.begin(), ids_.end(), std::mt19937_64(7));
    latencies_.reserve(ids_.size() / options.batch + 1);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) give_up("epoll_create1");
    connections_.resize(options.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].fd = connect_to(options.port);
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event) != 0) give_up("epoll_ctl");
    }
  }
  ~Load() {
    for (const auto& connection : connections_) ::close(connection.fd);
    ::close(epoll_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void run() {
    began_ = Clock::now();
    for (auto& connection : connections_) ask(connection);
    std::array<epoll_event, 256> events{};
    while (under_way_ > 0) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 60'000);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw std::runtime_error("the server has answered nothing for a minute");
      for (int i = 0; i < count; ++i) {
        auto& connection = connections_[events[static_cast<std::size_t>(i)].data.u64];
        if (connection.sent < connection.out.size()) send(connection);
        if ((events[static_cast<std::size_t>(i)].events & ~EPOLLOUT) != 0) receive(connection);
      }
    }
    took_ = Clock::now() - began_;
  }

  [[nodiscard]] bool good() const { return failed_ == 0; }
  void report() {
    std::ranges::sort(latencies_);
    const auto at = [&](double part) {
      const auto index = static_cast<std::size_t>(part * static_cast<double>(latencies_.size() - 1));
      return std::chrono::duration<double, std::milli>(latencies_[index]).count();
    };
    const double seconds = std::chrono::duration<double>(took_).count();
    const auto requests = static_cast<double>(latencies_.size());
    fmt::print(
        "{{\"batch\":{},\"connections\":{},\"order\":\"{}\",\"requests\":{},\"escrows\":{},\"seconds\":{:.3f}"
        ","
        "\"requests_per_s\":{:.0f},\"escrows_per_s\":{:.0f},\"p50_ms\":{:.3f},\"p99_ms\":{:.3f},"
        "\"p999_ms\":{:.3f},\"max_ms\":{:.3f},\"failed\":{}}}\n",
        options_.batch, options_.connections, options_.order, latencies_.size(), ids_.size(), seconds,
        requests / seconds, static_cast<double>(ids_.size()) / seconds, at(0.5), at(0.99), at(0.999), at(1),
        failed_);
    if (!good())
      fmt::print(stderr, "http_load: {} answers were no success, the first: {}\n", failed_, failure_);
  }

 private:
  struct Connection {
    int fd = -1;
    std::string out;
    std::size_t sent = 0;
    std::string in;
    std::string expected;  // in the answer's body
    Clock::time_point began;
    bool waits_to_send = false;
  };

  void ask(Connection& connection) {
    const auto count = std::min(options_.batch, ids_.size() - next_);
    if (count == 0) return;
    body_ = "{\"escrows\":[";
    for (std::size_t i = 0; i < count; ++i) {
      std::array<char, 20> digits{};
      const auto end = std::to_chars(digits.begin(), digits.end(), ids_[next_++]).ptr;
      body_.append(digits.begin(), end);
      body_ += i + 1 < count ? "," : "]}";
    }
    connection.out.clear();
    fmt::format_to(std::back_inserter(connection.out),
                   "POST /v1/releases HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n"
                   "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                   options_.key, body_.size());
    connection.out += body_;
    connection.expected = fmt::format("\"escrows\":{},", count);
    connection.sent = 0;
    connection.began = Clock::now();
    ++under_way_;
    send(connection);
  }

  void send(Connection& connection) {
    while (connection.sent < connection.out.size()) {
      const auto rest = std::string_view(connection.out).substr(connection.sent);
      const auto count = ::send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) return wait_to_send(connection, true);
      if (count < 0) give_up("send");
      connection.sent += static_cast<std::size_t>(count);
    }
    wait_to_send(connection, false);
  }

  void wait_to_send(Connection& connection, bool waits) {
    if (connection.waits_to_send == waits) return;
    connection.waits_to_send = waits;
    const auto index = static_cast<std::size_t>(&connection - connections_.data());
    epoll_event event{.events = EPOLLIN | (waits ? std::uint32_t{EPOLLOUT} : 0), .data = {.u64 = index}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event) != 0) give_up("epoll_ctl");
  }

  void receive(Connection& connection) {
    std::array<char, 16'384> buffer;
    const auto count = ::recv(connection.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) give_up("recv");
    if (count == 0) throw std::runtime_error("the server closed a connection");
    connection.in.append(buffer.data(), static_cast<std::size_t>(count));
    const auto answer = answer_in(connection.in);
    if (!answer.complete) return;
    latencies_.push_back(Clock::now() - connection.began);
    const bool good = answer.status == 200 && answer.body.starts_with("{\"ok\":true") &&
                      answer.body.find("\"replayed\":false") != std::string_view::npos &&
                      answer.body.find(connection.expected) != std::string_view::npos;
    if (!good && failed_++ == 0) failure_ = fmt::format("{} {}", answer.status, answer.body.substr(0, 500));
    connection.in.clear();
    --under_way_;
    ask(connection);
  }

  const Options options_;
  std::vector<std::uint64_t> ids_;
  std::vector<Connection> connections_;
  std::vector<Clock::duration> latencies_;
  std::string body_;
  int epoll_ = -1;
  std::size_t next_ = 0;  // of ids_
  std::size_t under_way_ = 0;
  std::uint64_t failed_ = 0;
  std::string failure_;
  Clock::time_point began_;
  Clock::duration took_{};
};

/// Each has asked once, so that the server has all that a connection needs.
void hold_open(const Options& options) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int> sockets;
  for (std::size_t i = 0; i < options.connections; ++i) {
    const int fd = connect_to(options.port);
    sockets.push_back(fd);
    constexpr std::string_view kAsk = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    if (::send(fd, kAsk.data(), kAsk.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kAsk.size()))
      give_up("send");
    std::string in;
    while (!answer_in(in).complete) {
      std::array<char, 4096> buffer;
      const auto count = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (count <= 0) give_up("recv");
      in.append(buffer.data(), static_cast<std::size_t>(count));
    }
    if (answer_in(in).status != 200) throw std::runtime_error("the server is not healthy: " + in);
  }
  fmt::print("{{\"connections\":{}}}\n", sockets.size());
  std::fflush(stdout);
  char ignored = 0;
  while (::read(STDIN_FILENO, &ignored, 1) > 0) {
  }
  for (const int fd : sockets) ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Load for a holdfast server on this machine");
  app.require_subcommand(1);
  auto* releases = app.add_subcommand("releases", "release escrows, each once");
  auto* idle = app.add_subcommand("idle", "keep connections open until standard input ends");
  for (auto* command : {releases, idle}) {
    command->add_option("--port", options.port)->required();
    command->add_option("--connections", options.connections)->check(CLI::Range(1, 100'000));
  }
  releases->add_option("--key", options.key, "an API key that may operate")->required();
  releases->add_option("--first", options.first, "the first escrow's id");
  releases->add_option("--escrows", options.escrows, "how many, from the first on")
      ->required()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  releases->add_option("--batch", options.batch, "escrows a request")->check(CLI::Range(1, 8'192));
  releases->add_option("--order", options.order)->check(CLI::IsMember({"random", "sequential"}));
  CLI11_PARSE(app, argc, argv);
  try {
    if (idle->parsed()) {
      hold_open(options);
      return 0;
    }
    Load load(options);
    load.run();
    load.report();
    return load.good() ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "http_load: {}\n", error.what());
    return 1;
  }
}
