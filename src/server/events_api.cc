#include "server/events_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>

#include "base/text.h"
#include "http/message.h"

namespace holdfast::server {

using std::chrono::nanoseconds;

namespace {

constexpr auto kNever = Seq(std::numeric_limits<std::uint64_t>::max());
constexpr std::uint64_t kMaxWaitSeconds = 60;
constexpr std::size_t kStreamEvents = 64;

struct Shared {
  EventsParts parts;
  EventsOptions options;
};

struct Wish {
  Seq after;
  std::size_t limit = 100;
  std::chrono::seconds wait{};
};

Result<std::uint64_t> parse_number(std::string_view name, std::string_view text, std::uint64_t min,
                                   std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= min && value <= max) return value;
  Error wrong;
  wrong.message =
      fmt::format("\"{}\" must be a number from {} to {}, not {}", name, min, max, in_quotes(text));
  wrong.fields.emplace_back(name);
  return std::unexpected(std::move(wrong));
}

Result<Wish> parse_wish(const Call& call) {
  Wish wish;
  std::optional<Error> error;
  const auto read = [&](const char* name, std::uint64_t min, std::uint64_t max, std::uint64_t fallback) {
    const auto found = call.query.find(name);
    if (found == call.query.end() || error) return fallback;
    const auto value = parse_number(name, found->second, min, max);
    if (!value) error = value.error();
    return value.value_or(fallback);
  };
  wish.after = Seq(read("after", 0, std::numeric_limits<std::int64_t>::max(), 0));
  wish.limit = read("limit", 1, kMaxPage, 100);
  wish.wait = std::chrono::seconds(read("wait", 0, kMaxWaitSeconds, 0));
  if (error) return std::unexpected(std::move(*error));
  return wish;
}

http::Response to_response(const EventTexts& page) {
  http::Response response;
  response.fields.emplace_back("Cache-Control", "no-store");
  auto& body = response.body;
  body = "{\"rows\":[";
  for (const auto& row : page.rows) {
    if (&row != &page.rows.front()) body += ',';
    body += row.json;
  }
  body += page.next ? fmt::format("],\"next\":{}}}", page.next->value()) : "],\"next\":null}";
  return response;
}

/// A request that waits for events; lives in the callbacks that go on with it.
class LongPoll : public std::enable_shared_from_this<LongPoll> {
 public:
  LongPoll(std::shared_ptr<const Shared> shared, const Wish& wish, http::Head head, Caller caller,
           http::Respond respond)
      : shared_(std::move(shared)),
        wish_(wish),
        until_(shared_->parts.clock.monotonic() + wish.wait),
        head_(std::move(head)),
        caller_(std::move(caller)),
        respond_(std::move(respond)) {}

  void read(std::optional<Seq> seen) {
    if (shared_->parts.execute([self = shared_from_this(), seen] { self->read_here(seen); })) return;
    Error full;
    full.code = ErrorCode::busy;
    full.message = "the server has more questions to answer than it has room for: try again in a second";
    respond_(shared_->parts.problem(full, head_));
  }

 private:
  void read_here(std::optional<Seq> seen) {
    auto& parts = shared_->parts;
    const auto page = parts.pages.read(wish_.after, wish_.limit, seen);
    if (!page) return respond_(parts.problem(page.error(), head_));
    if (!(*page)->rows.empty() || parts.clock.monotonic() >= until_) return respond_(to_response(**page));
    parts.follower.wait(wish_.after, until_, [self = shared_from_this()](Follower::Wake wake) {
      const bool may = self->shared_->parts.may_still(self->caller_);  // if not, the next request says so
      if (wake.reason == Follower::Reason::events && may) return self->read(wake.seen);
      self->respond_(to_response({}));
    });
  }

  const std::shared_ptr<const Shared> shared_;
  const Wish wish_;
  const nanoseconds until_;
  const http::Head head_;
  const Caller caller_;
  const http::Respond respond_;
};

/// Events as they come, a page at a time, each when the one before was written.
class EventStream final : public http::BodySource, public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(std::shared_ptr<const Shared> shared, Seq after, Caller caller)
      : shared_(std::move(shared)), caller_(std::move(caller)), after_(after) {}
  ~EventStream() override { shared_->parts.follower.cancel(wait_); }

  using Give = std::function<void(std::optional<std::string>)>;

  void next(Give give) override {
    if (!begun_) {
      begun_ = true;
      return give("retry: 2000\n\n");  // also has the head sent, before there is an event
    }
    more_ ? read(std::nullopt, std::move(give)) : wait(give);
  }

 private:
  void read(std::optional<Seq> seen, Give give) {
    auto& parts = shared_->parts;
    const auto weak = weak_from_this();
    const auto accepted = parts.execute([weak, seen, give] {
      if (const auto self = weak.lock()) self->read_here(seen, give);
    });
    if (accepted) return;
    const auto again = parts.clock.monotonic() + shared_->options.no_room_delay;
    note(parts.follower.wait(kNever, again, [weak, give](Follower::Wake wake) {
      const auto self = weak.lock();
      if (!self) return;
      wake.reason == Follower::Reason::stopped ? give(std::nullopt) : self->read(std::nullopt, give);
    }));
  }

  void read_here(std::optional<Seq> seen, const Give& give) {
    if (!shared_->parts.may_still(caller_)) return give(std::nullopt);
    const auto page = shared_->parts.pages.read(after_, kStreamEvents, seen);
    if (!page) return give(std::nullopt);  // the client comes back after the last event that it saw
    more_ = (*page)->next.has_value();
    if ((*page)->rows.empty()) return wait(give);
    std::string text;
    for (const auto& row : (*page)->rows) {
      text += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", row.seq.value(), row.op, row.json);
    }
    after_ = (*page)->rows.back().seq;
    give(std::move(text));
  }

  void wait(const Give& give) { rest(shared_->parts.clock.monotonic() + shared_->options.heartbeat, give); }

  /// Until there are events or the heartbeat comes, with a look at the key now and then.
  void rest(nanoseconds heartbeat, const Give& give) {
    auto& parts = shared_->parts;
    const auto until = std::min(heartbeat, parts.clock.monotonic() + shared_->options.check);
    note(parts.follower.wait(after_, until, [weak = weak_from_this(), heartbeat, give](Follower::Wake wake) {
      const auto self = weak.lock();
      if (!self) return;
      switch (wake.reason) {
        case Follower::Reason::events:
          return self->read(wake.seen, give);
        case Follower::Reason::time:
          if (!self->shared_->parts.may_still(self->caller_)) return give(std::nullopt);
          if (self->shared_->parts.clock.monotonic() < heartbeat) return self->rest(heartbeat, give);
          return give(": nothing new\n\n");
        case Follower::Reason::stopped:
          return give(std::nullopt);
      }
    }));
  }

  /// What to cancel at the end: the latest wait. An earlier one may be noted after it, by another thread.
  void note(Follower::WaitId id) {
    auto noted = wait_.load();
    while (noted < id && !wait_.compare_exchange_weak(noted, id)) continue;
  }

  const std::shared_ptr<const Shared> shared_;
  const Caller caller_;
  Seq after_;  // these belong to whoever makes the next piece: one at a time
  bool begun_ = false;
  bool more_ = true;
  std::atomic<Follower::WaitId> wait_ = 0;
};

bool wants_stream(const http::Head& head) {
  return head.field("accept").find("text/event-stream") != std::string::npos;
}

Result<http::Response> stream(const std::shared_ptr<const Shared>& shared, const Call& call,
                              const Wish& wish) {
  const auto& head = call.request.head;
  auto after = wish.after;
  if (const auto last = head.field("last-event-id"); !last.empty()) {
    const auto seq = parse_number("Last-Event-ID", last, 0, std::numeric_limits<std::int64_t>::max());
    if (!seq) return std::unexpected(seq.error());
    after = Seq(*seq);
  }
  http::Response response;
  response.content_type = "text/event-stream";
  response.fields = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  response.source = std::make_shared<EventStream>(shared, after, call.caller);
  return response;
}

}  // namespace

std::vector<Route> event_routes(EventsParts parts, EventsOptions options) {
  const auto shared = std::make_shared<const Shared>(Shared{std::move(parts), options});
  const auto run = [shared](Call call, const http::Respond& respond) {
    auto& head = call.request.head;
    const auto wish = parse_wish(call);
    if (!wish) return respond(shared->parts.problem(wish.error(), head));
    if (wants_stream(head)) {
      auto response = stream(shared, call, *wish);
      return respond(response ? std::move(*response) : shared->parts.problem(response.error(), head));
    }
    std::make_shared<LongPoll>(shared, *wish, std::move(head), std::move(call.caller), respond)
        ->read(std::nullopt);
  };
  return {{"GET", "/v1/events", Role::read, {"after", "limit", "wait"}, run}};
}

}  // namespace holdfast::server
