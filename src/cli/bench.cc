// The workload and the clock of `holdfast bench`.
#include "cli/bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cli/disk_limit.h"

namespace holdfast::cli {

namespace {

constexpr std::uint64_t kEscrowsPerPayer = 10;
constexpr std::uint64_t kBeneficiaries = 10'000;
constexpr std::uint64_t kGroups = 1'000;
constexpr Amount kHeld{9'99};
constexpr std::size_t kWindow = 16'384;

/// Always the same sequence, so that two runs do the same (splitmix64).
class Sequence {
 public:
  std::uint64_t next() {
    auto z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }

 private:
  std::uint64_t state_ = 42;
};

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Keeps many commands under way at once; the first error ends it.
class Feeder {
 public:
  explicit Feeder(Ledger& ledger) : ledger_(ledger) {}

  void submit(Command command) {
    {
      std::unique_lock hold(mutex_);
      changed_.wait(hold, [&] { return under_way_ < kWindow; });
      ++under_way_;
    }
    ledger_.submit(std::move(command), [this](Result<Answer> answer) {
      const std::scoped_lock hold(mutex_);
      if (!answer) {
        if (!failed_) failed_ = std::move(answer.error());
      } else if (const auto* held = std::get_if<HoldResult>(&answer->result)) {
        escrows_.push_back(held->escrow->value());
      }
      if (--under_way_ < kWindow / 2) changed_.notify_all();
    });
  }
  Result<void> drain() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return under_way_ == 0; });
    if (failed_) return std::unexpected(*failed_);
    return {};
  }
  /// The escrows that were held, ascending. \pre drained
  [[nodiscard]] std::vector<std::uint64_t> take_escrows() {
    std::sort(escrows_.begin(), escrows_.end());
    return std::move(escrows_);
  }

 private:
  Ledger& ledger_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t under_way_ = 0;
  std::vector<std::uint64_t> escrows_;
  std::optional<Error> failed_;
};

std::string payer(std::uint64_t number) {
  return fmt::format("user:{}", number);
}

Command hold_number(std::uint64_t number) {
  Hold hold;
  hold.payer = payer(number / kEscrowsPerPayer);
  hold.beneficiary = fmt::format("shop:{}", number % kBeneficiaries);
  hold.group = fmt::format("group:{}", number % kGroups);
  hold.amount = kHeld;
  hold.fee_plan = "standard";
  Command command{std::move(hold), {}};
  command.options.key = fmt::format("bench:{:018}", number);  // 24 characters
  return command;
}

Result<void> open_accounts(Ledger& ledger, std::uint64_t escrows, const BenchProgress& progress) {
  const auto euro = *Currency::parse("EUR");
  DefineFeePlan plan;
  plan.fee_plan = "standard";
  plan.currency = euro;
  plan.commission.rate = Rate::from_billionths(50'000'000);
  plan.processor_fee.rate = Rate::from_billionths(29'000'000);
  if (auto defined = ledger.define_fee_plan(plan); !defined) return std::unexpected(defined.error());
  Feeder feeder(ledger);
  for (std::uint64_t i = 0; i < kBeneficiaries; ++i) {
    feeder.submit({OpenAccount{fmt::format("shop:{}", i), euro, AccountKind::beneficiary}, {}});
  }
  const auto payers = (escrows + kEscrowsPerPayer - 1) / kEscrowsPerPayer;
  for (std::uint64_t i = 0; i < payers; ++i) {
    feeder.submit({OpenAccount{payer(i), euro, AccountKind::user}, {}});
    if (i % 1024 == 0) progress("accounts", i, 2 * payers);
  }
  // A store may decide what is not yet answered in any order.
  if (auto opened = feeder.drain(); !opened) return opened;
  for (std::uint64_t i = 0; i < payers; ++i) {
    Command deposit{
        Deposit{payer(i), Amount(kHeld.minor() * static_cast<std::int64_t>(kEscrowsPerPayer)), {}}, {}};
    deposit.options.key = fmt::format("fund:{}", i);
    feeder.submit(std::move(deposit));
    if (i % 1024 == 0) progress("accounts", payers + i, 2 * payers);
  }
  return feeder.drain();
}

Result<std::vector<std::uint64_t>> hold_all(Ledger& ledger, std::uint64_t escrows,
                                            const BenchProgress& progress) {
  Feeder feeder(ledger);
  for (std::uint64_t i = 0; i < escrows; ++i) {
    feeder.submit(hold_number(i));
    if (i % 1024 == 0) progress("holds", i, escrows);
  }
  if (auto held = feeder.drain(); !held) return std::unexpected(held.error());
  return feeder.take_escrows();
}

void shuffle(std::vector<std::uint64_t>& order) {
  Sequence sequence;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[sequence.below(i)]);
}

/// PostgreSQL: until every event has its place in the chain.
Result<void> wait_until_sealed(Ledger& ledger, const BenchOptions& options, const BenchProgress& progress) {
  if (!options.on_postgres()) return {};
  for (std::uint64_t first = 0;;) {
    const auto status = ledger.status();
    if (!status) return std::unexpected(status.error());
    if (status->unsealed == 0) return {};
    first = std::max(first, status->unsealed);
    progress("sealing", first - status->unsealed, first);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// The commands that are measured, built one by one by the clients.
class Work {
 public:
  Work(const BenchOptions& options, std::vector<std::uint64_t> order)
      : options_(options), order_(std::move(order)) {}

  [[nodiscard]] std::size_t commands() const {
    return options_.operation == "hold" ? options_.escrows
                                        : (order_.size() + options_.batch - 1) / options_.batch;
  }
  [[nodiscard]] std::size_t items(std::size_t index) const {
    return options_.operation == "hold" ? 1
                                        : std::min(options_.batch, order_.size() - index * options_.batch);
  }
  [[nodiscard]] Command command(std::size_t index) const {
    if (options_.operation == "hold") return hold_number(index);
    EscrowList list;
    list.reserve(items(index));
    for (std::size_t i = 0; i < items(index); ++i) list.add(EscrowId(order_[index * options_.batch + i]));
    if (options_.operation == "mixed" && index % 2 == 1) {
      Refund refund;
      refund.escrows = std::move(list);
      return {std::move(refund), {}};
    }
    Release release;
    release.escrows = std::move(list);
    return {std::move(release), {}};
  }

 private:
  const BenchOptions& options_;
  std::vector<std::uint64_t> order_;
};

struct Measured {
  std::vector<std::chrono::nanoseconds> latencies;
  std::chrono::nanoseconds taken{};
};

/// Every client waits for each answer before it asks again.
Result<Measured> measure(Ledger& ledger, const BenchOptions& options, const Work& work,
                         const BenchProgress& progress) {
  const auto& clock = system_clock();
  std::atomic<std::size_t> next{0};
  std::vector<std::vector<std::chrono::nanoseconds>> latencies(options.clients);
  std::mutex mutex;
  std::optional<Error> failed;
  const auto begun = clock.monotonic();
  std::vector<std::thread> clients;
  clients.reserve(options.clients);
  for (std::size_t client = 0; client < options.clients; ++client) {
    clients.emplace_back([&, client] {
      for (auto index = next.fetch_add(1); index < work.commands(); index = next.fetch_add(1)) {
        const auto command = work.command(index);
        const auto asked = clock.monotonic();
        const auto answer = ledger.execute(command);
        latencies[client].push_back(clock.monotonic() - asked);
        if (!answer) {
          const std::scoped_lock hold(mutex);
          if (!failed) failed = answer.error();
          return;
        }
        if (client == 0) progress(options.operation, index, work.commands());
      }
    });
  }
  for (auto& client : clients) client.join();
  if (failed) return std::unexpected(std::move(*failed));
  if (auto sealed = wait_until_sealed(ledger, options, progress); !sealed)
    return std::unexpected(sealed.error());
  Measured measured;
  measured.taken = clock.monotonic() - begun;
  for (const auto& some : latencies)
    measured.latencies.insert(measured.latencies.end(), some.begin(), some.end());
  std::sort(measured.latencies.begin(), measured.latencies.end());
  return measured;
}

double percentile_ms(const std::vector<std::chrono::nanoseconds>& sorted, std::size_t per_mille) {
  if (sorted.empty()) return 0;
  const auto index = std::min(sorted.size() - 1, sorted.size() * per_mille / 1000);
  return std::chrono::duration<double, std::milli>(sorted[index]).count();
}

Result<void> check_empty(const Ledger& ledger) {
  const auto status = ledger.status();
  if (!status) return std::unexpected(status.error());
  if (status->seq == Seq() && status->unsealed == 0) return {};
  return fail(ErrorCode::not_a_ledger,
              "this ledger has events: bench fills an empty one; name another with ?ledger=NAME");
}

Result<BenchReport> run_in(const BenchOptions& options, const BenchProgress& progress) {
  constexpr std::size_t kDiskBytes = std::size_t{512} << 20;
  OpenOptions open;
  open.create = true;
  auto ledger = Ledger::open(options.ledger, open);
  if (!ledger) return std::unexpected(ledger.error());
  if (auto empty = check_empty(*ledger); !empty) return std::unexpected(empty.error());
  const auto memory_before = resident_bytes();
  if (auto opened = open_accounts(*ledger, options.escrows, progress); !opened)
    return std::unexpected(opened.error());
  const bool holds = options.operation == "hold";
  std::vector<std::uint64_t> order;
  if (!holds) {
    auto held = hold_all(*ledger, options.escrows, progress);
    if (!held) return std::unexpected(held.error());
    order = std::move(*held);
    if (options.random_order) shuffle(order);
  }
  if (auto sealed = wait_until_sealed(*ledger, options, progress); !sealed)
    return std::unexpected(sealed.error());
  const auto memory_after = resident_bytes() - order.capacity() * sizeof(std::uint64_t);
  const Work work(options, std::move(order));
  const auto before = ledger->status();
  if (!before) return std::unexpected(before.error());
  const auto measured = measure(*ledger, options, work, progress);
  if (!measured) return std::unexpected(measured.error());
  const auto after = ledger->status();
  if (!after) return std::unexpected(after.error());

  BenchReport report;
  report.options = options;
  const auto items = static_cast<double>(options.escrows);
  report.items_per_s = items / std::chrono::duration<double>(measured->taken).count();
  report.p50_ms = percentile_ms(measured->latencies, 500);
  report.p99_ms = percentile_ms(measured->latencies, 990);
  report.p999_ms = percentile_ms(measured->latencies, 999);
  report.bytes_per_item = static_cast<double>(after->journal_bytes - before->journal_bytes) / items;
  const auto memory = holds ? resident_bytes() : memory_after;
  report.rss_bytes_per_escrow = static_cast<double>(memory - std::min(memory, memory_before)) / items;
  if (options.on_postgres()) return report;
  const auto frame = std::max<std::size_t>(
      4096, static_cast<std::size_t>(report.bytes_per_item * static_cast<double>(work.items(0))));
  progress("disk", 0, 1);
  const auto disk = measure_disk(options.ledger, frame, std::min(kDiskBytes, frame * 20'000));
  if (!disk) return std::unexpected(disk.error());
  report.disk_limit_per_s = disk->bytes_per_s / report.bytes_per_item;
  return report;
}

}  // namespace

Result<BenchReport> run_bench(BenchOptions options, const BenchProgress& progress) {
  if (options.operation == "hold") options.batch = 1;
  if (options.clients == 0) options.clients = options.batch > 1 ? 2 : 64;
  if (options.on_postgres()) return run_in(options, progress);
  if (std::filesystem::exists(options.ledger)) {
    return fail(ErrorCode::not_a_ledger,
                fmt::format("{} exists: bench makes a new ledger and removes it at the end", options.ledger));
  }
  auto report = run_in(options, progress);
  std::error_code ignored;  // what could not be removed is in plain sight
  std::filesystem::remove_all(options.ledger, ignored);
  return report;
}

}  // namespace holdfast::cli
