#include "http/io_thread.h"

#include <signal.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "http/connection.h"
#include "http/response_head.h"

namespace holdfast::http {
namespace {

using std::chrono::milliseconds;

/// Fine enough for the shortest limit, and coarse enough to cost nothing.
milliseconds tick_for(const Limits& limits) {
  const auto shortest = std::min({limits.head_time, limits.body_time, limits.idle_time, limits.write_time,
                                  limits.half_closed_time, limits.linger_time});
  return std::clamp(shortest / 8, milliseconds(5), milliseconds(500));
}

}  // namespace

IoThread::IoThread(const Limits& limits, Handler& handler, Census& census)
    : limits_(limits),
      handler_(handler),
      census_(census),
      work_(context_.get_executor()),
      timer_(context_),
      tick_(tick_for(limits)) {
  inbox_ = std::make_shared<Inbox>([this] { boost::asio::post(context_, [this] { take_inbox(); }); });
  system_random().fill(std::as_writable_bytes(std::span(&id_seed_, 1)));
}

IoThread::~IoThread() { stop(); }

void IoThread::run() {
  // Signals are for the threads that wait for them. A write to a client that is gone would raise one here.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { context_.run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void IoThread::stop() {
  if (!thread_.joinable()) return;
  inbox_->close();
  boost::asio::post(context_, [this] {
    while (!connections_.empty()) connections_.back()->abort();
    timer_.cancel();
    work_.reset();
  });
  thread_.join();
}

void IoThread::adopt(std::shared_ptr<Connection> connection) {
  boost::asio::post(context_, [this, connection = std::move(connection)] {
    connection->place = connections_.size();
    connections_.push_back(connection);
    if (!work_.owns_work() || draining_) return connection->abort();
    connection->start();
    start_ticking();
  });
}

void IoThread::drain() {
  boost::asio::post(context_, [this] {
    draining_ = true;
    const auto all = connections_;  // some leave it now
    for (const auto& each : all) each->drain();
  });
}

void IoThread::forget(Connection& connection) {
  const auto place = connection.place;
  connections_.back()->place = place;
  std::swap(connections_[place], connections_.back());
  connections_.pop_back();
  census_.remove();
}

void IoThread::take_inbox() {
  inbox_->take(taken_);
  for (auto& item : taken_) {
    if (const auto connection = item.to.lock()) connection->deliver(item.turn, std::move(item.what));
  }
  taken_.clear();
}

void IoThread::start_ticking() {
  if (std::exchange(ticking_, true)) return;
  timer_.expires_after(tick_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    ticking_ = false;
    if (!error) tick();
  });
}

void IoThread::tick() {
  const auto at = now();
  // From the back: one that ends puts the last, which was looked at, in its place.
  for (std::size_t i = connections_.size(); i > 0; --i) {
    if (i > connections_.size()) continue;
    const auto connection = connections_[i - 1];
    connection->check_deadline(at);
  }
  if (!connections_.empty()) start_ticking();
}

std::chrono::nanoseconds IoThread::now() const { return system_clock().monotonic(); }

std::string_view IoThread::date() {
  const auto seconds = system_clock().wall().micros / 1'000'000;
  if (seconds != std::exchange(date_at_, seconds)) date_ = http_date(seconds);
  return date_;
}

std::string IoThread::make_request_id() {
  // Short enough to need no memory of its own, and told apart from those of another run.
  static constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::uint64_t value = id_seed_ + ++ids_ * 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  value ^= value >> 31;
  std::string id(13, '0');
  for (char& c : id) {
    c = kDigits[value & 31];
    value >>= 5;
  }
  return id;
}

}  // namespace holdfast::http
