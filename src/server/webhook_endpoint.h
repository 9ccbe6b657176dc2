// The delivery to one webhook, step by step: what is due is sent, in order, until it is taken. It owns no
// thread and never waits for a time to come, so that three days of failures pass in a test in no time.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "http/client.h"
#include "server/event_pages.h"
#include "server/webhook.h"

namespace holdfast::server {

struct DeliveryOptions {
  std::chrono::milliseconds first_delay{1'000};  // before the second attempt; doubled before each next one
  std::chrono::milliseconds max_delay{std::chrono::hours(1)};
  std::chrono::hours give_up_after{72};
  std::chrono::milliseconds save_every{1'000};  // the position, while all goes well
  http::ClientOptions client;                   // its ca_file is the webhook's
};

/// What people are to be told of.
struct WebhookNotice {
  enum class Kind : std::uint8_t { failing, recovered, failed, storage };

  Kind kind = Kind::failing;  // failed: an alarm, nothing is sent any more
  std::string webhook;
  std::string message;
};

/// What became of the attempts, in this process: also of those before the webhook was started anew.
struct DeliveryCounts {
  std::uint64_t taken = 0;
  std::uint64_t refused = 0;     // answered other than with 2xx
  std::uint64_t unanswered = 0;  // no connection, no answer, no certificate that verifies
  std::uint64_t given_up = 0;    // times that it was stopped
};

/// How a webhook stands, for people.
struct WebhookState {
  Webhook webhook;
  WebhookProgress progress;
  std::optional<Timestamp> next_try;       // where the last attempt failed
  std::optional<Timestamp> last_delivery;  // that was taken, in this process
  DeliveryCounts counts;
  std::optional<Timestamp> sending;  // when the event happened that is being sent or tried again
};

/// {"webhook","url","ops","state":"active|retrying|failed","position","lag","failing_since","attempts",
/// "last_error","next_try","last_delivery","delivered","created"}; never the secret.
/// \param last  the ledger's last event; none where it is not known
[[nodiscard]] std::string to_json(const WebhookState& state, std::optional<Seq> last);

class WebhookEndpoint {
 public:
  struct Parts {
    const Ledger& ledger;
    EventPages& pages;
    StateDirectory& progress;
    const Clock& clock;
    Random& random;
    std::function<void(const WebhookNotice&)> told;
  };

  /// When there is something to do again.
  struct Next {
    enum class Kind : std::uint8_t { now, later, events, never };

    Kind kind = Kind::now;
    std::chrono::nanoseconds at{};  // later: of the clock's monotonic time. events: at the latest; 0: none
  };

  WebhookEndpoint(Webhook webhook, Parts parts, DeliveryOptions options, DeliveryCounts counts = {});

  /// Sends at most one event. Blocks while it does. One thread at a time.
  [[nodiscard]] Next step();
  /// Keeps how far it has come, if that is not kept yet. Not while a step is under way.
  void save();
  /// Ends the step that is under way, and all that come. From any thread.
  void cancel();

  [[nodiscard]] Seq position() const;
  [[nodiscard]] WebhookState state() const;

 private:
  /// Reads how far it has come, and looks whether that can be; none where all is well.
  std::optional<Next> begin();
  /// Has the next events in pending_; none where there are some.
  std::optional<Next> fetch();
  Next deliver(const EventText& event);
  Next taken(Seq seq);
  /// \param asked  how long the receiver asks to be left alone; 0: it does not say
  Next not_taken(std::string why, std::chrono::seconds asked = {});
  void give_up(std::string why);
  Next storage_problem(std::string message);
  void pass_over();
  [[nodiscard]] std::expected<http::Reply, std::string> send(const EventText& event);
  [[nodiscard]] std::chrono::nanoseconds delay(std::uint32_t attempts);
  [[nodiscard]] bool wants(const EventText& event) const;
  void tell(WebhookNotice::Kind kind, std::string message) const;

  const Webhook webhook_;
  const Parts parts_;
  const DeliveryOptions options_;

  bool begun_ = false;
  std::deque<EventText> pending_;
  std::chrono::nanoseconds retry_at_{};
  bool unsaved_ = false;
  std::chrono::nanoseconds saved_at_{};
  bool storage_told_ = false;  // of what cannot be read or kept: once, until it can

  mutable std::mutex mutex_;  // of what other threads look at: all below
  WebhookState state_;
  std::shared_ptr<http::Client> client_;
  bool cancelled_ = false;
};

}  // namespace holdfast::server
