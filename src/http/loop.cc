#include "http/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "http/connection.h"
#include "http/response_head.h"

namespace holdfast::http {

using std::chrono::milliseconds;

namespace {

/// OpenSSL writes without MSG_NOSIGNAL: to a client that has gone it would end the process.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

void Mailbox::put(Letter letter) {
  const std::scoped_lock hold(mutex_);
  if (context_ == nullptr) return;
  letters_.push_back(std::move(letter));
  if (letters_.size() == 1 && !attended_) boost::asio::post(*context_, deliver_);
}

void Mailbox::attend() {
  const std::scoped_lock hold(mutex_);
  attended_ = true;
}

void Mailbox::leave() {
  const std::scoped_lock hold(mutex_);
  attended_ = false;
  if (context_ != nullptr && !letters_.empty()) boost::asio::post(*context_, deliver_);
}

std::vector<Mailbox::Letter> Mailbox::take() {
  const std::scoped_lock hold(mutex_);
  return std::exchange(letters_, {});
}

void Mailbox::close() {
  std::vector<Letter> unread;  // goes outside the lock: what a letter holds may end in here again
  const std::scoped_lock hold(mutex_);
  context_ = nullptr;
  unread.swap(letters_);
}

void ConnectionCount::add() {
  count_.fetch_add(1, std::memory_order_relaxed);
}

void ConnectionCount::remove() {
  const std::scoped_lock hold(mutex_);
  if (count_.fetch_sub(1, std::memory_order_relaxed) == 1) none_.notify_all();
}

bool ConnectionCount::wait_for_none(std::chrono::milliseconds time) {
  std::unique_lock hold(mutex_);
  return none_.wait_for(hold, time, [&] { return now() == 0; });
}

Loop::Loop(const Limits& limits, Handler& handler, ConnectionCount& connections)
    : limits_(limits),
      handler_(handler),
      count_(connections),
      mailbox_(std::make_shared<Mailbox>(context_, [this] { deliver(); })),
      scratch_(std::make_unique<std::array<char, 65'536>>()) {
  std::array<std::byte, 6> random{};
  system_random().fill(random);
  for (const auto byte : random) id_prefix_ += fmt::format("{:02x}", std::to_integer<int>(byte));
}

void Loop::start() {
  thread_ = std::thread([this] {
    block_sigpipe();
    tick();
    const auto work = boost::asio::make_work_guard(context_);
    context_.run();
  });
}

void Loop::stop() {
  mailbox_->close();
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

Loop::~Loop() {
  stop();
  for (const auto& connection : std::exchange(connections_, {})) connection->cut();
}

void Loop::add(std::shared_ptr<Connection> connection) {
  connections_.insert(std::move(connection));
}

void Loop::remove(const std::shared_ptr<Connection>& connection) {
  if (connections_.erase(connection) == 1) count_.remove();
}

void Loop::drain() {
  draining_ = true;
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->drain();
}

std::string Loop::make_request_id() {
  return fmt::format("{}{:08x}", id_prefix_, ids_++);
}

void Loop::deliver() {
  mailbox_->attend();
  // A source that always has more, for a client that always takes it, does not keep out the others.
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    auto letters = mailbox_->take();
    if (letters.empty()) break;
    for (auto& letter : letters) deliver(letter);
  }
  mailbox_->leave();
}

void Loop::deliver(Mailbox::Letter& letter) {
  const auto connection = letter.to.lock();
  if (!connection) return;
  if (auto* response = std::get_if<Response>(&letter.content)) {
    connection->answer(letter.request, std::move(*response));
  } else if (auto* piece = std::get_if<Mailbox::Piece>(&letter.content)) {
    connection->piece(letter.request, std::move(*piece));
  } else {
    connection->nothing_comes(letter.request);
  }
}

// All time limits are looked at together, a few times a second: no request arms a timer of its own.
void Loop::tick() {
  const auto& clock = system_clock();
  now_ = clock.monotonic();
  const auto second = clock.wall().micros / 1'000'000;
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->check_time();

  const auto shortest = std::min({limits_.head_time, limits_.body_time, limits_.idle_time, limits_.write_time,
                                  limits_.half_closed_time, limits_.linger_time});
  timer_.expires_after(std::clamp(shortest / 8, milliseconds(5), milliseconds(250)));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

}  // namespace holdfast::http
