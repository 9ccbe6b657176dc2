// The webhooks of a running server: a thread each, so that a slow receiver holds up nobody else. The file of
// webhooks is looked at twice a second, and what people change there is done.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/follower.h"
#include "server/webhook_endpoint.h"

namespace holdfast::server {

struct WebhooksOptions {
  std::chrono::milliseconds watch{500};
  DeliveryOptions delivery;
};

class Webhooks {
 public:
  /// All must outlive it.
  struct Parts {
    StateDirectory& state;
    const Ledger& ledger;
    Follower& follower;
    EventPages& pages;
    const Clock& clock;
    Random& random;
    /// From several threads at once; must not call back.
    std::function<void(const WebhookNotice&)> told;
  };

  /// Begins to deliver. Errors: the file of webhooks, or their directory, cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<Webhooks>> open(Parts parts, WebhooksOptions options = {});
  ~Webhooks();
  Webhooks(const Webhooks&) = delete;
  Webhooks& operator=(const Webhooks&) = delete;

  /// Ends every delivery, also one that is under way, and keeps how far each has come.
  void stop();

  /// By name.
  [[nodiscard]] std::vector<WebhookState> states() const;
  /// See restart_webhook; it has begun when this returns. Blocks. Besides its errors `invalid_command`: the
  /// ledger has no event `after`.
  [[nodiscard]] Result<void> replay(std::string_view name, Seq after);

 private:
  class Runner;

  Webhooks(Parts parts, WebhooksOptions options, std::unique_ptr<StateDirectory> progress);
  void watch();
  /// Reads the file, and begins and ends what it says.
  Result<void> look();
  void follow(std::vector<Webhook> webhooks);

  const Parts parts_;
  const WebhooksOptions options_;
  const std::unique_ptr<StateDirectory> progress_;

  std::mutex looking_;  // one look at a time; before mutex_
  std::string seen_;    // the file's text, when it was looked at last
  bool problem_told_ = false;

  mutable std::mutex mutex_;
  std::condition_variable stopping_changed_;
  bool stopping_ = false;
  std::map<std::string, std::shared_ptr<Runner>, std::less<>> runners_;
  std::thread thread_;
};

}  // namespace holdfast::server
