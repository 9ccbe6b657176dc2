#include "server/pulse.h"

#include <algorithm>
#include <array>

namespace holdfast::server {

namespace {

constexpr std::chrono::seconds kBeat{1};
constexpr std::size_t kSamples = std::chrono::seconds(900) / kSampleStep;
/// A database adds up all accounts, which may take long where there are many: at most this share of the time
/// goes there. The journal store keeps the sums.
constexpr int kShareOfBalances = 50;

/// The upper end of the octave that so many thousandths stayed below.
template <std::size_t N>
std::uint64_t percentile(const std::array<std::uint64_t, N>& now, const std::array<std::uint64_t, N>& before,
                         std::uint64_t thousandths) {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < N; ++i) all += now[i] - before[i];
  const auto wanted = (all * thousandths + 999) / 1'000;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < N; ++i) {
    seen += now[i] - before[i];
    if (seen >= wanted && seen > 0) return std::uint64_t{1} << i;
  }
  return 0;
}

}  // namespace

Pulse::Pulse(Parts parts) : parts_(std::move(parts)) {
  last_sample_ = parts_.clock.monotonic();
  feel();
  thread_ = std::thread([this] { run(); });
}

Pulse::~Pulse() {
  {
    const std::scoped_lock hold(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

PulseView Pulse::view() const {
  const std::scoped_lock hold(mutex_);
  return view_;
}

std::vector<Sample> Pulse::samples() const {
  const std::scoped_lock hold(mutex_);
  return {samples_.begin(), samples_.end()};
}

Timestamp Pulse::samples_from() const {
  const std::scoped_lock hold(mutex_);
  const auto span = std::chrono::microseconds(kSampleStep) * static_cast<std::int64_t>(samples_.size());
  return {sampled_at_.micros - span.count()};
}

void Pulse::run() {
  while (true) {
    {
      std::unique_lock hold(mutex_);
      if (changed_.wait_for(hold, kBeat, [&] { return stopping_; })) return;
    }
    feel();
    if (parts_.clock.monotonic() - last_sample_ >= kSampleStep) sample();
  }
}

bool Pulse::balances_are_old(const LedgerStatus& status) const {
  if (!balances_seq_) return true;
  if (parts_.clock.monotonic() - balances_at_ < kShareOfBalances * balances_took_) return false;
  // What is not sealed yet is in the balances and not in the seq.
  return *balances_seq_ != status.seq || status.unsealed > 0;
}

void Pulse::feel() {
  auto status = parts_.ledger.status();
  std::optional<std::vector<TrialBalance>> balances;
  std::optional<Error> failure;
  if (!status) {
    failure = status.error();
  } else if (balances_are_old(*status)) {
    const auto begun = parts_.clock.monotonic();
    auto asked = parts_.ledger.trial_balance();
    balances_at_ = parts_.clock.monotonic();
    balances_took_ = balances_at_ - begun;
    if (asked) {
      balances = std::move(*asked);
      balances_seq_ = status->unsealed > 0 ? std::nullopt : std::optional(status->seq);
    } else {
      failure = asked.error();
    }
  }
  for (const auto& row : balances.value_or(std::vector<TrialBalance>())) {
    if (row.sum == Amount() || std::ranges::find(told_, row.currency) != told_.end()) continue;
    told_.push_back(row.currency);
    if (parts_.unbalanced) parts_.unbalanced(row);
  }
  if (failure && !failing_ && parts_.failed) parts_.failed(*failure);
  failing_ = failure.has_value();
  const std::scoped_lock hold(mutex_);
  view_.at = parts_.clock.wall();
  view_.failure = std::move(failure);
  if (status) view_.status = std::move(*status);
  if (balances) view_.balances = std::move(*balances);
}

void Pulse::sample() {
  const auto now = parts_.clock.monotonic();
  const auto passed = std::max<std::int64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now - last_sample_).count(), 1);
  const auto per_second = [&](std::uint64_t count) {
    return count * 1'000 / static_cast<std::uint64_t>(passed);
  };
  const auto commands = parts_.metrics.commands();
  const auto releases = parts_.metrics.releases();
  const auto durations = parts_.metrics.command_durations().read();
  const auto recent = durations.since(last_durations_);
  const auto traffic = parts_.traffic ? parts_.traffic() : Traffic();

  const std::scoped_lock hold(mutex_);
  const auto groups = view_.status ? view_.status->groups : last_groups_;
  const auto new_groups = groups.groups - last_groups_.groups;
  Sample sample;
  sample.commands_per_s = per_second(commands - last_commands_);
  sample.releases_per_s = per_second(releases - last_releases_);
  sample.p50_us = recent.percentile(500);
  sample.p99_us = recent.percentile(990);
  sample.group_events = new_groups == 0 ? 0 : (groups.events - last_groups_.events) / new_groups;
  sample.sync_p50_us = percentile(groups.sync_micros, last_groups_.sync_micros, 500);
  sample.sync_p99_us = percentile(groups.sync_micros, last_groups_.sync_micros, 990);
  sample.queue = traffic.queue + groups.waiting;
  sample.in_flight = traffic.in_flight;
  sample.connections = traffic.connections;
  samples_.push_back(sample);
  if (samples_.size() > kSamples) samples_.pop_front();
  sampled_at_ = parts_.clock.wall();
  last_sample_ = now;
  last_commands_ = commands;
  last_releases_ = releases;
  last_durations_ = durations;
  last_groups_ = groups;
}

}  // namespace holdfast::server
