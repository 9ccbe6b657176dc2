#include "tests/support/cutting_proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/assert.h"

namespace holdfast::testing {
namespace {

using namespace std::string_view_literals;

/// -1 where nobody listens: the server is down.
int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::uint32_t length_at(std::string_view bytes, std::size_t at) {
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
  return length;
}

}  // namespace

struct CuttingProxy::Link {
  int client = -1;
  int server = -1;
  bool started = false;   // the client's first message, which has no type, has passed
  bool records = false;   // the transaction under way inserts an event
  bool finished = false;  // under the proxy's mutex: its thread is at its end
  std::string from_client;
  std::string from_server;
  std::thread thread;
};

CuttingProxy::CuttingProxy(std::string socket) : socket_(std::move(socket)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool listens = ::bind(listener_, generic, size) == 0 && ::listen(listener_, 64) == 0 &&
                       ::getsockname(listener_, generic, &size) == 0;
  HOLDFAST_ASSERT(listens && wake_ >= 0, "127.0.0.1 has a free port");
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

CuttingProxy::~CuttingProxy() {
  {
    const std::scoped_lock hold(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  const std::uint64_t one = 1;
  HOLDFAST_ASSERT(::write(wake_, &one, sizeof one) == sizeof one, "a counter takes one");
  accepting_.join();
  cut_all();
  for (auto& link : links_) {
    link.thread.join();
    ::close(link.client);
    ::close(link.server);
  }
  ::close(listener_);
  ::close(wake_);
}

std::string CuttingProxy::url(std::string_view database) const {
  return fmt::format("postgresql://postgres@127.0.0.1:{}/{}?sslmode=disable&gssencmode=disable", port_,
                     database);
}

void CuttingProxy::arm(Cut cut, std::uint64_t message, Then then) {
  const std::scoped_lock hold(mutex_);
  armed_ = true;
  cut_done_ = false;
  cut_ = cut;
  messages_left_ = message;
  then_ = then;
}

bool CuttingProxy::disarm() {
  const std::scoped_lock hold(mutex_);
  armed_ = false;
  return cut_done_;
}

void CuttingProxy::wait_for_cut() {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [&] { return cut_done_; });
}

void CuttingProxy::admit() {
  const std::scoped_lock hold(mutex_);
  refusing_ = false;
  stalled_ = false;
  changed_.notify_all();
}

void CuttingProxy::wait_for_callers(int count) {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [&] { return stalled_ && callers_ >= count; });
}

void CuttingProxy::wait_while_stalled() {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [&] { return !stalled_ || stopping_; });
}

void CuttingProxy::cut_all() {
  const std::scoped_lock hold(mutex_);
  for (auto& link : links_) {
    if (link.finished) continue;
    ::shutdown(link.client, SHUT_RDWR);
    ::shutdown(link.server, SHUT_RDWR);
  }
}

void CuttingProxy::accept_all() {
  while (true) {
    std::array<pollfd, 2> ready{{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;
    const std::scoped_lock hold(mutex_);
    if (stopping_) return;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const int server = refusing_ ? -1 : connect_to(socket_);
    if (server < 0) {
      ::close(client);
      continue;
    }
    const int yes = 1;  // else each message would wait for the acknowledgement of the one before
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (stalled_) {
      ++callers_;
      changed_.notify_all();
    }
    auto& link = links_.emplace_back();
    link.client = client;
    link.server = server;
    link.thread = std::thread([this, &link] { forward(link); });
  }
}

void CuttingProxy::forward(Link& link) {
  while (true) {
    std::array<pollfd, 2> ready{{{link.client, POLLIN, 0}, {link.server, POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;
    wait_while_stalled();
    if (ready[0].revents != 0 && !pass(link, Side::client)) break;
    if (ready[1].revents != 0 && !pass(link, Side::server)) break;
  }
  ::shutdown(link.client, SHUT_RDWR);
  ::shutdown(link.server, SHUT_RDWR);
  const std::scoped_lock hold(mutex_);
  link.finished = true;
}

/// Reads what there is and passes on whole messages. False: the connection has ended, or is to be cut.
bool CuttingProxy::pass(Link& link, Side from) {
  const bool by_client = from == Side::client;
  std::array<char, 65'536> bytes{};
  const auto count = ::recv(by_client ? link.client : link.server, bytes.data(), bytes.size(), 0);
  if (count <= 0) return false;
  auto& waiting = by_client ? link.from_client : link.from_server;
  waiting.append(bytes.data(), static_cast<std::size_t>(count));
  std::size_t begin = 0;
  bool goes_on = true;
  while (goes_on) {
    const std::size_t type = by_client && !link.started ? 0 : 1;
    if (waiting.size() < begin + type + 4) break;
    const auto end = begin + type + length_at(waiting, begin + type);
    if (waiting.size() < end) break;
    const std::string_view message(waiting.data() + begin, end - begin);
    if (by_client) link.started = true;
    const auto gets_through = part_of(link, from, message);
    wait_while_stalled();
    goes_on = send_all(by_client ? link.server : link.client, gets_through) &&
              gets_through.size() == message.size();
    begin = end;
  }
  waiting.erase(0, begin);
  return goes_on;
}

/// What of the message gets through; less than all of it: then the connection is cut.
std::string_view CuttingProxy::part_of(Link& link, Side from, std::string_view message) {
  const std::scoped_lock hold(mutex_);
  bool here = false;
  const auto has = [&](std::string_view text) { return message.find(text) != std::string_view::npos; };
  if (from == Side::client && message.starts_with('P')) {  // Parse: a statement's text
    if (has("insert into holdfast.events "sv)) link.records = true;
    if (has("\0commit\0"sv)) here = cut_ == Cut::before_commit && link.records;
    if (has("\0begin"sv)) link.records = false;
  }
  if (from == Side::client && message.starts_with('Q')) {  // a text by itself, of a caller's own
    if (has("commit\0"sv)) here = cut_ == Cut::before_commit && link.records;
    if (has("begin\0"sv)) link.records = false;
  }
  if (from == Side::server && message.starts_with('C') &&
      message.find("COMMIT\0"sv) != std::string_view::npos) {
    here = cut_ == Cut::after_commit && link.records;
  }
  if (!armed_) return message;
  if (cut_ == Cut::at_message || cut_ == Cut::inside_message) here = messages_left_-- == 1;
  if (!here) return message;
  armed_ = false;
  cut_done_ = true;
  refusing_ = then_ == Then::refuse;
  stalled_ = then_ == Then::stall;
  callers_ = 0;
  changed_.notify_all();
  if (then_ == Then::stall) return message;
  return message.substr(0, cut_ == Cut::inside_message ? message.size() / 2 : 0);
}

}  // namespace holdfast::testing
