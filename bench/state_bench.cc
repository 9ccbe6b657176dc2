// What the journal store's memory costs and takes: holds, releases in random order, replay, a snapshot and
// its loading. No journal and no decisions: only State. CPU time, so that a busy machine changes it less.
//
//   state_bench [escrows, default 10000000] [directory for the snapshot, default: none is made]
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/posix_file.h"
#include "journal/snapshot.h"
#include "journal/state.h"

namespace holdfast::journal {
namespace {

constexpr std::size_t kBatch = 8'192;
constexpr AccountId kExternal{1}, kCommission{2}, kFees{3}, kShop{4};
constexpr std::uint32_t kFirstPayer = 5;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  in >> size >> resident;
  return resident * 4096;
}

class Book {
 public:
  explicit Book(std::uint32_t escrows) : escrows_(escrows), payers_(std::max(1U, escrows / 10)) {
    eur_ = Currency::parse("EUR").value();
  }

  void open(State& state) {
    apply(state, AccountOpened{kExternal, "external:EUR", eur_, AccountKind::external});
    apply(state, AccountOpened{kCommission, "platform:commission", eur_, AccountKind::platform});
    apply(state, AccountOpened{kFees, "processor:fees", eur_, AccountKind::fees});
    apply(state, AccountOpened{kShop, "shop", eur_, AccountKind::beneficiary});
    FeePlanDefined plan;
    plan.plan = PlanId(1);
    plan.name = "plan";
    plan.version = 1;
    plan.currency = eur_;
    plan.commission_account = kCommission;
    plan.fee_account = kFees;
    apply(state, plan);
    for (std::uint32_t i = 0; i < payers_; ++i) {
      const AccountId payer(kFirstPayer + i);
      apply(state, AccountOpened{payer, fmt::format("user:{:08}", i), eur_, AccountKind::user});
      apply(state, Moved{Moved::Kind::deposit, kExternal, payer, eur_, Amount(1'000'000), {}});
    }
  }

  void hold_all(State& state) {
    std::mt19937_64 random(7);
    Entry entry;
    for (std::uint32_t i = 1; i <= escrows_; ++i) {
      Held held;
      held.escrow = EscrowId(i);
      held.payer = AccountId(kFirstPayer + static_cast<std::uint32_t>(random() % payers_));
      held.beneficiary = kShop;
      held.group = {GroupId(1), i == 1 ? "group" : ""};
      held.plan = PlanId(1);
      held.currency = eur_;
      held.amount = Amount(1'000);
      entry.key = fmt::format("order-{:018}", i);
      entry.body = std::move(held);
      state.apply(entry, next(), {});
      state.set_applied(seq_, {});
    }
  }

  /// Batches of all escrows in random order, each in parts of a half.
  std::vector<Event> releases(const State& state) {
    std::vector<std::uint32_t> order(escrows_);
    std::iota(order.begin(), order.end(), 1U);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(11));
    std::vector<Event> events;
    for (std::size_t at = 0; at + kBatch <= order.size(); at += kBatch) {
      Released released;
      released.plans = {{PlanId(1), eur_, kCommission, kFees}};
      for (std::size_t i = at; i < at + kBatch; ++i) {
        const EscrowId id(order[i]);
        released.items.push_back(
            {id, state.escrow(id)->payer, kShop, 0, Amount(500), Amount(25), Amount(15)});
      }
      events.push_back({Seq(), {}, {}});
      events.back().entry.body = std::move(released);
    }
    return events;
  }

  Seq next() { return seq_ = seq_.next(); }

 private:
  void apply(State& state, Body body) {
    Entry entry;
    entry.body = std::move(body);
    state.apply(entry, next(), {});
    state.set_applied(seq_, {});
  }

  std::uint32_t escrows_;
  std::uint32_t payers_;
  Currency eur_;
  Seq seq_;
};

void release_all(State& state, Book& book, std::vector<Event>& events) {
  std::vector<EscrowId> ids(kBatch);
  std::vector<const EscrowRow*> rows(kBatch);
  double looking = 0;
  double applying = 0;
  for (auto& event : events) {
    const auto& items = std::get<Released>(event.entry.body).items;
    std::ranges::transform(items, ids.begin(), [](const ReleasedItem& item) { return item.escrow; });
    const double a = cpu_seconds();
    state.escrows(ids, rows);
    const double b = cpu_seconds();
    event.seq = book.next();
    state.apply(event.entry, event.seq, {});
    applying += cpu_seconds() - b;
    looking += b - a;
    state.set_applied(event.seq, {});
  }
  const double items = static_cast<double>(events.size() * kBatch);
  fmt::print("release: escrows() {:.1f} ns, apply() {:.1f} ns, together {:.1f} ns\n", looking / items * 1e9,
             applying / items * 1e9, (looking + applying) / items * 1e9);
}

void snapshot_and_load(std::unique_ptr<State>& state, Book& book, std::vector<Event>& events,
                       const char* path) {
  const auto directory = std::move(*open_posix_directory(path, true));
  const LedgerUuid ledger{};
  double begin = cpu_seconds();
  auto writer = std::move(*SnapshotWriter::begin(*directory, ledger, *state));
  std::vector<double> steps;
  for (bool complete = false; !complete;) {
    const double cpu = cpu_seconds();
    (void)writer->collect(*state);
    steps.push_back(cpu_seconds() - cpu);
    const auto written = writer->write(state->applied());
    HOLDFAST_ASSERT(written.has_value(), "the snapshot can be written");
    complete = *written;
  }
  std::ranges::sort(steps);
  fmt::print(
      "snapshot: {} MB written in {:.2f} s; a collect step {:.2f} ms, 99 of 100 under {:.2f}, the longest "
      "{:.2f}\n",
      writer->bytes() >> 20, cpu_seconds() - begin, steps[steps.size() / 2] * 1e3,
      steps[steps.size() * 99 / 100] * 1e3, steps.back() * 1e3);
  const Seq last = state->applied();
  state.reset();
  begin = cpu_seconds();
  const auto loaded = load_newest_snapshot(
      *directory, ledger, last, [] { return std::make_unique<State>(HashSecret{}); }, state);
  HOLDFAST_ASSERT(loaded && !loaded->name.empty(), "the snapshot loads");
  double end = cpu_seconds();
  fmt::print("load: {:.2f} s\n", end - begin);
  begin = end;
  for (auto& event : events) {
    event.seq = book.next();
    const auto done = state->replay(event);
    HOLDFAST_ASSERT(done.has_value(), "the events fit");
  }
  end = cpu_seconds();
  fmt::print("replay: {:.1f} M released items a second\n",
             static_cast<double>(events.size() * kBatch) / (end - begin) / 1e6);
  begin = end;
  const auto done = state->finish_load(events.back().seq, {});
  HOLDFAST_ASSERT(done.has_value(), "the rows agree");
  fmt::print("finish_load: {:.2f} s\n", cpu_seconds() - begin);
}

void run(std::uint32_t escrows, const char* snapshot_path) {
  Book book(escrows);
  const auto resident = resident_bytes();
  auto state = std::make_unique<State>(HashSecret{});
  double begin = cpu_seconds();
  book.open(*state);
  fmt::print("accounts: {:.2f} s\n", cpu_seconds() - begin);
  begin = cpu_seconds();
  book.hold_all(*state);
  fmt::print("hold: {:.0f} ns\n", (cpu_seconds() - begin) / escrows * 1e9);
  fmt::print("memory: {:.1f} bytes an escrow counted, {:.1f} resident\n",
             static_cast<double>(state->memory_bytes()) / escrows,
             static_cast<double>(resident_bytes() - resident) / escrows);
  auto events = book.releases(*state);
  release_all(*state, book, events);
  if (snapshot_path != nullptr) snapshot_and_load(state, book, events, snapshot_path);
}

}  // namespace
}  // namespace holdfast::journal

int main(int argc, char** argv) {
  const auto escrows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000'000UL;
  holdfast::journal::run(static_cast<std::uint32_t>(escrows), argc > 2 ? argv[2] : nullptr);
}
