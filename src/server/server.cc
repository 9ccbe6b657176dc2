#include "server/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "base/random.h"
#include "http/server.h"
#include "server/all_routes.h"
#include "server/app.h"
#include "server/event_pages.h"
#include "server/follower.h"
#include "server/keys.h"
#include "server/listen_address.h"
#include "server/notify.h"
#include "server/seen.h"
#include "server/signals.h"
#include "server/webhook_metrics.h"
#include "server/webhooks.h"
#include "server/workers.h"

namespace holdfast::server {

namespace {

constexpr std::size_t kLongestQueue = 4'096;  // of questions

bool in_postgres(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

/// What ends the server: a signal, or storage that failed.
class Ending {
 public:
  void signal(int number) {
    const std::scoped_lock hold(mutex_);
    signal_ = number;
    changed_.notify_all();
  }
  void fail(const Error& error) {
    const std::scoped_lock hold(mutex_);
    if (!failure_) failure_ = error;
    changed_.notify_all();
  }
  /// The signal's number; 0: it failed.
  int wait() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return signal_ != 0 || failure_; });
    return signal_;
  }
  [[nodiscard]] std::optional<Error> failure() const {
    const std::scoped_lock hold(mutex_);
    return failure_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int signal_ = 0;
  std::optional<Error> failure_;
};

/// All parts of a running server. They are made in this order, and end in the order that `stop` says.
class Running {
 public:
  Running(const ServeOptions& options, Ending& ending)
      : options_(options),
        ending_(ending),
        log_(options.log_level, options.log_form),
        seen_(metrics_, log_, options.slow),
        gate_(!options.go_on_when_broken) {}
  ~Running() { stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Result<Listening> start();
  void reload();
  void stop();
  [[nodiscard]] Log& log() { return log_; }

 private:
  Result<void> open_ledger();
  Result<void> open_keys(Listening& listening);
  void watch();
  Result<void> follow();
  void law_broken(const std::string& what);
  void add_routes();
  [[nodiscard]] Traffic traffic() const;

  const ServeOptions& options_;
  Ending& ending_;
  const std::chrono::nanoseconds started_ = system_clock().monotonic();
  ListenAddress address_;
  Log log_;
  Metrics metrics_;
  Seen seen_;
  Gate gate_;
  std::unique_ptr<StateDirectory> state_;
  std::unique_ptr<WatchedKeys> keys_;
  std::unique_ptr<App> app_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Books> books_;
  std::unique_ptr<AuditWatch> audit_;
  std::unique_ptr<DueWatch> due_;
  std::unique_ptr<Pulse> pulse_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<EventPages> pages_;
  std::unique_ptr<Webhooks> webhooks_;
  mutable std::mutex transport_mutex_;
  std::unique_ptr<http::Server> transport_;
};

Result<void> Running::open_ledger() {
  OpenOptions options;
  options.on_note = [this](const std::string& note) { log_.write(Level::warning, note); };
  const auto begun = system_clock().monotonic();
  auto opened = Ledger::open(options_.ledger_url, options);
  if (!opened) return std::unexpected(opened.error());
  ledger_ = std::make_unique<Ledger>(std::move(*opened));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(system_clock().monotonic() - begun);
  log_.write(Level::info, "opened the ledger",
             {{"ledger", options_.shown_ledger}, {"took_ms", took.count()}});
  return {};
}

Result<void> Running::open_keys(Listening& listening) {
  auto state =
      StateDirectory::open(options_.state.empty() ? default_state_path(options_.ledger_url) : options_.state);
  if (!state) return std::unexpected(state.error());
  state_ = std::move(*state);
  auto keys = WatchedKeys::open(*state_, [this](const Error& error) {
    log_.write(Level::error, "the keys stay as they were", {{"detail", error.message}});
  });
  if (!keys) return std::unexpected(keys.error());
  keys_ = std::move(*keys);
  if (keys_->any()) return {};
  listening.no_keys = !address_.loopback;
  if (!address_.loopback) return {};
  const auto own = make_key("local", Role::admin, system_clock().wall(), system_random());
  keys_->add(own.record);
  listening.key = own.key;
  return {};
}

void Running::law_broken(const std::string& what) {
  gate_.law_broken(what);
  log_.write(Level::error, "A LAW IS BROKEN",
             {{"detail", what},
              {"commands", gate_.closed() ? "none is taken until a new start" : "go on, as it was said"}});
}

void Running::watch() {
  books_ =
      std::make_unique<Books>(*ledger_, *state_, [this](const std::string& wrong) { law_broken(wrong); });
  audit_ = std::make_unique<AuditWatch>(
      *ledger_, system_clock(),
      AuditOptions{std::min(options_.audit_first, options_.audit_every), options_.audit_every},
      [this](const AuditView& view) {
        if (view.failure) {
          return log_.write(Level::warning, "the audit did not come to its end",
                            {{"detail", view.failure->message}});
        }
        for (const auto& check : view.report->checks) {
          if (!check.ok) law_broken(fmt::format("law {}: {}", check.law, check.detail));
        }
        if (!view.broken()) {
          log_.write(Level::info, "audited: every law holds",
                     {{"seq", static_cast<std::int64_t>(view.seq.value())},
                      {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(view.took).count()}});
        }
      });
  DueWatch::Told told;
  told.stuck = [this](const StuckEscrow& stuck) {
    log_.write(Level::error, "an escrow's date cannot be carried out",
               {{"escrow", static_cast<std::int64_t>(stuck.due.escrow.value())},
                {"due", to_rfc3339(stuck.due.at)},
                {"detail", stuck.error.message}});
  };
  told.failed = [this](const Error& error) {
    log_.write(Level::error, "dates cannot be carried out", {{"detail", error.message}});
  };
  told.settled = [this](const DueReport& report) {
    log_.write(Level::info, "carried out dates",
               {{"released", static_cast<std::int64_t>(report.released)},
                {"refunded", static_cast<std::int64_t>(report.refunded)}});
  };
  due_ = std::make_unique<DueWatch>(
      *ledger_, system_clock(), [this] { return !gate_.closed(); }, std::move(told));
  Pulse::Parts parts{*ledger_,
                     system_clock(),
                     metrics_,
                     [this] { return traffic(); },
                     [this](const TrialBalance& row) {
                       law_broken(fmt::format("the buckets of {} sum to {} minor units and not to 0",
                                              row.currency.code(), row.sum.minor()));
                     },
                     [this](const Error& error) {
                       log_.write(Level::error, "the ledger does not answer", {{"detail", error.message}});
                       // A database comes back; a journal whose sync failed has to be opened again.
                       const bool final =
                           error.code == ErrorCode::storage_failed || error.code == ErrorCode::corrupt;
                       if (final && !in_postgres(options_.ledger_url)) ending_.fail(error);
                     }};
  pulse_ = std::make_unique<Pulse>(std::move(parts));
}

Result<void> Running::follow() {
  follower_ = std::make_unique<Follower>(*ledger_, system_clock());
  pages_ = std::make_unique<EventPages>(*ledger_);
  const auto tell = [this](const WebhookNotice& notice) {
    const auto level = notice.kind == WebhookNotice::Kind::recovered ? Level::info
                       : notice.kind == WebhookNotice::Kind::failing ? Level::warning
                                                                     : Level::error;
    log_.write(level, "webhook", {{"webhook", notice.webhook}, {"detail", notice.message}});
  };
  auto webhooks =
      Webhooks::open({*state_, *ledger_, *follower_, *pages_, system_clock(), system_random(), tell});
  if (!webhooks) return std::unexpected(webhooks.error());
  webhooks_ = std::move(*webhooks);
  return {};
}

void Running::add_routes() {
  const HealthParts health{.clock = system_clock(),
                           .metrics = metrics_,
                           .pulse = *pulse_,
                           .books = *books_,
                           .due = *due_,
                           .audit = *audit_,
                           .gate = gate_,
                           .keys = *keys_,
                           .traffic = [this] { return traffic(); },
                           .not_ready = [this]() -> std::optional<std::string> {
                             if (app_->draining()) return "it is ending";
                             if (const auto failure = ending_.failure()) return failure->message;
                             return std::nullopt;
                           },
                           .ledger = options_.shown_ledger,
                           .store = in_postgres(options_.ledger_url) ? "postgresql" : "journal",
                           .version = options_.version,
                           .started = started_,
                           .metrics_open = options_.metrics_open};
  add_health_metrics(metrics_, health);
  add_webhook_metrics(
      metrics_, system_clock(), [this] { return webhooks_->states(); },
      [this] {
        const auto status = pulse_->view().status;
        return status ? std::optional(status->seq) : std::nullopt;
      });
  app_->add(all_routes({.ledger = *ledger_,
                        .workers = *workers_,
                        .clock = system_clock(),
                        .observer = seen_,
                        .gate = gate_,
                        .follower = *follower_,
                        .pages = *pages_,
                        .webhooks = *webhooks_,
                        .health = health,
                        .decides_in_order = !in_postgres(options_.ledger_url)}));
  std::vector<std::string> paths;
  for (const auto& route : app_->routes()) {
    if (std::ranges::find(paths, route.path) == paths.end()) paths.push_back(route.path);
  }
  metrics_.set_routes(paths);
}

Traffic Running::traffic() const {
  const std::scoped_lock hold(transport_mutex_);
  return {.queue = workers_->queued(),
          .in_flight = app_->under_way(),
          .connections = transport_ ? transport_->connections() : 0};
}

Result<Listening> Running::start() {
  auto address = parse_listen_address(options_.listen);
  if (!address) return std::unexpected(address.error());
  address_ = std::move(*address);
  Listening listening;
  if (auto done = open_ledger(); !done) return std::unexpected(done.error());
  if (auto done = open_keys(listening); !done) return std::unexpected(done.error());
  workers_ = std::make_unique<Workers>(options_.workers, kLongestQueue);
  app_ = std::make_unique<App>(*keys_, system_clock(), seen_);
  watch();
  if (auto done = follow(); !done) return std::unexpected(done.error());
  add_routes();
  http::ServerOptions transport;
  transport.address = address_.address;
  transport.port = address_.port;
  transport.threads = options_.io_threads;
  const bool tls = !options_.tls_certificate.empty();
  if (tls) transport.tls = http::TlsFiles{options_.tls_certificate, options_.tls_key};
  auto started = http::Server::start(std::move(transport), *app_);
  if (!started) return std::unexpected(started.error());
  listening.url = address_.url(tls, (*started)->port());
  {
    const std::scoped_lock hold(transport_mutex_);
    transport_ = std::move(*started);
  }
  log_.write(Level::info, "listening", {{"url", listening.url}, {"version", options_.version}});
  notify_service_manager("READY=1");
  return listening;
}

void Running::reload() {
  const std::scoped_lock hold(transport_mutex_);
  if (options_.tls_certificate.empty() || !transport_) return;
  if (const auto done = transport_->reload_tls(); !done) {
    return log_.write(Level::error, "the old certificate stays in use", {{"detail", done.error().message}});
  }
  log_.write(Level::info, "read the certificate again");
}

void Running::stop() {
  if (app_) app_->drain();
  notify_service_manager("STOPPING=1");
  if (follower_) follower_->stop();  // ends long polls and streams
  if (webhooks_) webhooks_->stop();
  if (transport_ && !transport_->drain(options_.drain)) {
    log_.write(Level::warning, "some requests were not answered in time, and are cut off");
  }
  std::unique_ptr<http::Server> transport;
  {
    const std::scoped_lock hold(transport_mutex_);
    transport = std::move(transport_);
  }
  transport.reset();
  if (app_)
    app_->wait_until_idle();  // what was taken goes to its end, whether or not its client is still there
  due_.reset();               // and with it what it has under way
  audit_.reset();
  books_.reset();
  pulse_.reset();
  workers_.reset();
  webhooks_.reset();
  ledger_.reset();  // finishes what was submitted
  pages_.reset();
  follower_.reset();
}

}  // namespace

Result<void> check_options(const ServeOptions& options) {
  const auto address = parse_listen_address(options.listen);
  if (!address) return std::unexpected(address.error());
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return fail(ErrorCode::invalid_command,
                "--tls-cert and --tls-key belong together: give both, or neither");
  }
  if (!address->loopback && options.tls_certificate.empty() && !options.insecure_public) {
    return fail(
        ErrorCode::invalid_command,
        fmt::format("--listen {} is reached from other machines, and without TLS keys and amounts go over "
                    "the network as they are: give --tls-cert and --tls-key, or say --insecure-public where "
                    "something in front of it encrypts",
                    options.listen));
  }
  return {};
}

Result<void> serve(const ServeOptions& options, const std::function<void(const Listening&)>& listening) {
  if (auto fits = check_options(options); !fits) return fits;
  Signals signals;
  Ending ending;
  Running running(options, ending);
  signals.listen([&](int number) { ending.signal(number); }, [&] { running.reload(); });
  const auto started = running.start();
  if (!started) return std::unexpected(started.error());
  listening(*started);
  const auto number = ending.wait();
  running.log().write(Level::info, "ending", {{"signal", std::int64_t{number}}});
  running.stop();
  running.log().write(Level::info, "ended");
  if (number == 0) return std::unexpected(*ending.failure());
  return {};
}

}  // namespace holdfast::server
