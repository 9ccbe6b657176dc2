// A handler for tests of the transport: says what it was asked, at once, later, in pieces or never.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/message.h"

namespace holdfast::http::testing {

inline constexpr std::size_t kLarge = std::size_t{64} << 20;

/// Pieces that the test gives when it likes.
class Tap final : public BodySource {
 public:
  explicit Tap(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  ~Tap() override { --alive_; }
  void next(std::function<void(std::optional<std::string>)> give) override {
    const std::scoped_lock hold(mutex_);
    if (pieces_.empty()) {
      give_ = std::move(give);
      asked_.notify_all();
    } else {
      auto piece = std::move(pieces_.front());
      pieces_.erase(pieces_.begin());
      give(std::move(piece));
    }
  }
  void wait_until_asked() {
    std::unique_lock hold(mutex_);
    asked_.wait(hold, [&] { return give_ != nullptr; });
  }
  /// Lets go of what it owes.
  void give_up() {
    const std::scoped_lock hold(mutex_);
    give_ = nullptr;
  }
  void put(std::optional<std::string> piece) {
    const std::scoped_lock hold(mutex_);
    if (give_) {
      std::exchange(give_, nullptr)(std::move(piece));
    } else {
      pieces_.push_back(std::move(piece));
    }
  }

 private:
  std::atomic<int>& alive_;
  std::mutex mutex_;
  std::condition_variable asked_;
  std::function<void(std::optional<std::string>)> give_;
  std::vector<std::optional<std::string>> pieces_;
};

/// Says what it was asked; `/later` keeps the answer until `finish`, `/stream` streams, `/lost` is let go of,
/// `/gate` holds up the thread that reads until `open_gate`.
class Echo final : public Handler {
 public:
  std::optional<Response> check_head(const Head& head) override {
    if (head.target == "/gate") {
      at_gate_ = true;
      at_gate_.notify_all();
      gate_.wait(true);
    }
    if (head.target != "/refused") return std::nullopt;
    return Response{.status = 401, .body = "no"};
  }
  void handle(Request request, Respond respond) override {
    Response response;
    response.body = fmt::format("{} {} {}", request.head.method, request.head.target, request.body);
    if (request.head.target == "/large") response.body.assign(kLarge, 'x');
    const std::scoped_lock hold(mutex_);
    if (request.head.target == "/stream") {
      taps_.push_back(std::make_shared<Tap>(alive_));
      response.source = taps_.back();
    }
    if (request.head.target == "/lost") return;
    if (request.head.target == "/later") {
      later_.emplace_back(std::move(respond), std::move(response));
    } else {
      respond(std::move(response));
    }
    changed_.notify_all();
  }
  Response broken(int status, std::string_view detail, const std::string& /*id*/) override {
    return Response{.status = status, .body = std::string(detail)};
  }

  void wait_for_later(std::size_t count) {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return later_.size() >= count; });
  }
  void finish() {
    std::vector<std::pair<Respond, Response>> all;
    {
      const std::scoped_lock hold(mutex_);
      all.swap(later_);
    }
    for (auto& [respond, response] : all) respond(std::move(response));
  }
  void wait_until_at_gate() const { at_gate_.wait(false); }
  void open_gate() {
    gate_ = false;
    gate_.notify_all();
  }
  std::shared_ptr<Tap> tap() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return !taps_.empty(); });
    auto tap = std::move(taps_.back());
    taps_.pop_back();
    return tap;
  }
  [[nodiscard]] int alive() const { return alive_; }

 private:
  std::atomic<bool> gate_{true};
  std::atomic<bool> at_gate_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Respond, Response>> later_;
  std::vector<std::shared_ptr<Tap>> taps_;
  std::atomic<int> alive_{0};
};

}  // namespace holdfast::http::testing
