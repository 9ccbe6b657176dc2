#include "server/webhooks.h"

#include <fmt/format.h>

#include <cerrno>
#include <limits>
#include <set>

namespace holdfast::server {

/// One endpoint and its thread.
class Webhooks::Runner {
 public:
  Runner(Webhook webhook, const Parts& parts, StateDirectory& progress, const DeliveryOptions& options,
         DeliveryCounts counts)
      : webhook_(webhook),
        follower_(parts.follower),
        endpoint_(std::move(webhook),
                  {parts.ledger, parts.pages, progress, parts.clock, parts.random, parts.told}, options,
                  counts),
        thread_([this] { run(); }) {}

  ~Runner() {
    stop();
    join();
  }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  [[nodiscard]] const Webhook& webhook() const { return webhook_; }
  [[nodiscard]] WebhookState state() const { return endpoint_.state(); }

  /// The thread ends soon; it is not waited for.
  void stop() {
    endpoint_.cancel();
    signal_->stop();
  }
  /// Waits for the thread's end. \pre it was stopped
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  /// What the follower wakes: it may do so after the runner has gone.
  class Signal {
   public:
    void wake(bool for_good) {
      const std::lock_guard lock(mutex_);
      woken_ = true;
      deaf_ = deaf_ || for_good;
      changed_.notify_one();
    }
    void stop() {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      changed_.notify_one();
    }
    void arm() {
      const std::lock_guard lock(mutex_);
      woken_ = false;
    }
    /// Until it is woken or stopped. A follower that has stopped wakes at once, and would for ever.
    void wait() {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopped_ || (woken_ && !deaf_); });
    }
    [[nodiscard]] bool stopped() const {
      const std::lock_guard lock(mutex_);
      return stopped_;
    }

   private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
    bool deaf_ = false;
    bool stopped_ = false;
  };

  void run() {
    using Kind = WebhookEndpoint::Next::Kind;
    while (!signal_->stopped()) {
      const auto next = endpoint_.step();
      if (next.kind == Kind::now) continue;
      constexpr auto kNoEvent = Seq(std::numeric_limits<std::uint64_t>::max());
      const auto after = next.kind == Kind::events ? endpoint_.position() : kNoEvent;
      std::optional<std::chrono::nanoseconds> until;
      if (next.at.count() != 0) until = next.at;
      signal_->arm();
      const auto id = follower_.wait(after, until, [signal = signal_](Follower::Wake wake) {
        signal->wake(wake.reason == Follower::Reason::stopped);
      });
      signal_->wait();
      follower_.cancel(id);
    }
    endpoint_.save();
  }

  const Webhook webhook_;
  Follower& follower_;
  const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  WebhookEndpoint endpoint_;
  std::thread thread_;  // last: it uses all of the above
};

Result<std::unique_ptr<Webhooks>> Webhooks::open(Parts parts, WebhooksOptions options) {
  auto progress = open_progress(parts.state);
  if (!progress) return std::unexpected(std::move(progress.error()));
  std::unique_ptr<Webhooks> webhooks(
      new Webhooks(std::move(parts), std::move(options), std::move(*progress)));
  if (auto looked = webhooks->look(); !looked) return std::unexpected(std::move(looked.error()));
  webhooks->thread_ = std::thread([self = webhooks.get()] { self->watch(); });
  return webhooks;
}

Webhooks::Webhooks(Parts parts, WebhooksOptions options, std::unique_ptr<StateDirectory> progress)
    : parts_(std::move(parts)), options_(std::move(options)), progress_(std::move(progress)) {}

Webhooks::~Webhooks() {
  stop();
}

void Webhooks::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stopping_changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard looking(looking_);
  std::map<std::string, std::shared_ptr<Runner>, std::less<>> runners;
  {
    const std::lock_guard lock(mutex_);
    runners.swap(runners_);
  }
  for (const auto& [name, runner] : runners) runner->stop();  // all of them, before one is waited for
}

std::vector<WebhookState> Webhooks::states() const {
  const std::lock_guard lock(mutex_);
  std::vector<WebhookState> states;
  states.reserve(runners_.size());
  for (const auto& [name, runner] : runners_) states.push_back(runner->state());
  return states;
}

Result<void> Webhooks::replay(std::string_view name, Seq after) {
  const auto status = parts_.ledger.status();
  if (!status) return std::unexpected(status.error());
  if (after > status->seq) {
    return fail(ErrorCode::invalid_command, fmt::format("the ledger ends at seq {}: there is no event {}",
                                                        status->seq.value(), after.value()));
  }
  if (auto restarted = restart_webhook(parts_.state, name, after, parts_.clock); !restarted) {
    return std::unexpected(std::move(restarted.error()));
  }
  return look();
}

void Webhooks::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    stopping_changed_.wait_for(lock, options_.watch);
    if (stopping_) return;
    lock.unlock();
    auto looked = look();
    const bool tell = !looked && !problem_told_;
    problem_told_ = !looked;
    if (tell && parts_.told) {
      parts_.told(
          {WebhookNotice::Kind::storage, {}, "the webhooks stay as they were: " + looked.error().message});
    }
    lock.lock();
  }
}

Result<void> Webhooks::look() {
  const std::lock_guard looking(looking_);
  auto text = parts_.state.read(kWebhooksFile);
  if (!text) return std::unexpected(std::move(text.error()));
  if (text->value_or("") == seen_) return {};
  std::vector<Webhook> webhooks;
  if (*text) {
    auto parsed = parse_webhooks(**text, parts_.state.path_of(kWebhooksFile).string());
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    webhooks = std::move(*parsed);
  }
  follow(std::move(webhooks));
  seen_ = text->value_or("");
  return {};
}

void Webhooks::follow(std::vector<Webhook> webhooks) {
  std::map<std::string, std::shared_ptr<Runner>, std::less<>> kept;
  std::vector<std::shared_ptr<Runner>> ended;
  std::vector<Webhook> begun;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    for (auto& webhook : webhooks) {
      const auto found = runners_.find(webhook.name);
      if (found != runners_.end() && found->second->webhook() == webhook) {
        kept.insert(runners_.extract(found));
      } else {
        begun.push_back(std::move(webhook));
      }
    }
    for (auto& [name, runner] : runners_) ended.push_back(std::move(runner));
    runners_ = kept;
  }
  for (const auto& runner : ended) runner->stop();
  std::set<std::string> gone;
  std::map<std::string, DeliveryCounts> counts;
  for (const auto& runner : ended) gone.insert(runner->webhook().name);
  for (const auto& runner : ended) runner->join();  // two never write one webhook's progress
  for (const auto& runner : ended) counts[runner->webhook().name] = runner->state().counts;
  ended.clear();
  for (auto& webhook : begun) {
    gone.erase(webhook.name);
    auto runner =
        std::make_shared<Runner>(webhook, parts_, *progress_, options_.delivery, counts[webhook.name]);
    const std::lock_guard lock(mutex_);
    runners_.emplace(webhook.name, std::move(runner));
  }
  for (const auto& name : gone) (void)progress_->directory().remove(name);  // there may be none
}

}  // namespace holdfast::server
