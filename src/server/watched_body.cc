#include "server/watched_body.h"

#include <atomic>
#include <utility>

namespace holdfast::server {

namespace {

using Ended = std::function<void(BodyEnd, std::uint64_t, const std::string&)>;
using Give = std::function<void(std::optional<std::string>)>;

/// What is known of the body; the pieces that are owed have it too, and may outlive the body.
class Record {
 public:
  explicit Record(Ended ended) : ended_(std::move(ended)) {}
  void sent(std::size_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  /// Only the first end counts.
  void end(BodyEnd end, const std::string& why) {
    if (!over_.exchange(true)) ended_(end, bytes_.load(std::memory_order_relaxed), why);
  }

 private:
  const Ended ended_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> over_{false};
};

/// A piece that the body owes.
class Owed {
 public:
  Owed(std::shared_ptr<Record> record, std::weak_ptr<http::BodySource> body, Give give)
      : record_(std::move(record)), body_(std::move(body)), give_(std::move(give)) {}
  ~Owed() {
    if (given_) return;
    const auto body = body_.lock();
    record_->end(BodyEnd::cut_off, body ? body->why() : std::string());
  }
  Owed(const Owed&) = delete;
  Owed& operator=(const Owed&) = delete;

  void give(std::optional<std::string> piece) {
    given_ = true;
    if (piece) {
      record_->sent(piece->size());
    } else {
      record_->end(BodyEnd::whole, {});
    }
    give_(std::move(piece));
  }

 private:
  const std::shared_ptr<Record> record_;
  const std::weak_ptr<http::BodySource> body_;
  const Give give_;
  std::atomic<bool> given_{false};
};

class WatchedBody final : public http::BodySource {
 public:
  WatchedBody(std::shared_ptr<http::BodySource> body, Ended ended)
      : body_(std::move(body)), record_(std::make_shared<Record>(std::move(ended))) {}
  ~WatchedBody() override {
    if (begun_) record_->end(BodyEnd::left, {});
  }
  WatchedBody(const WatchedBody&) = delete;
  WatchedBody& operator=(const WatchedBody&) = delete;

  void next(Give give) override {
    begun_ = true;
    auto owed = std::make_shared<Owed>(record_, body_, std::move(give));
    body_->next([owed = std::move(owed)](std::optional<std::string> piece) { owed->give(std::move(piece)); });
  }

 private:
  const std::shared_ptr<http::BodySource> body_;
  const std::shared_ptr<Record> record_;
  bool begun_ = false;
};

}  // namespace

std::shared_ptr<http::BodySource> watched(std::shared_ptr<http::BodySource> body, Ended ended) {
  return std::make_shared<WatchedBody>(std::move(body), std::move(ended));
}

}  // namespace holdfast::server
