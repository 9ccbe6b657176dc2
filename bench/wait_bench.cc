// How long one caller waits at most while another asks for the trial balance again and again, on a ledger
// with many accounts. One line a phase: how many commands were answered, how long the longest took.
//
//   wait_bench URL ACCOUNTS SECONDS     the directory or database is made, and must not be there before
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/holdfast.h"

using namespace holdfast;
using Steady = std::chrono::steady_clock;

namespace {

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "wait_bench: {}\n", error.message);
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

double milliseconds(Steady::duration took) {
  return std::chrono::duration<double, std::milli>(took).count();
}

void fill(Ledger& ledger, int accounts) {
  constexpr int kAtOnce = 5'000;
  const auto currency = *Currency::parse("EUR");
  for (int next = 0; next < accounts;) {
    Atomic atomic;
    for (int i = 0; i < kAtOnce && next < accounts; ++i, ++next) {
      const auto name = fmt::format("user:{}", next);
      atomic.commands.push_back({OpenAccount{name, currency, AccountKind::user}, {}});
      Options options;
      options.key = fmt::format("fill:{}", next);
      atomic.commands.push_back({Deposit{name, Amount(1'000), {}}, options});
    }
    (void)must(ledger.execute({std::move(atomic), {}}));
  }
}

/// Deposits one after the other until the time is over; tells how long they took.
void measure(Ledger& ledger, std::string_view phase, std::chrono::seconds time) {
  std::vector<double> took;
  for (const auto end = Steady::now() + time; Steady::now() < end;) {
    Options options;
    options.key = fmt::format("w:{}:{}", phase.size(), took.size());
    const auto begun = Steady::now();
    (void)must(ledger.execute({Deposit{"user:7", Amount(1), {}}, options}));
    took.push_back(milliseconds(Steady::now() - begun));
  }
  std::ranges::sort(took);
  fmt::print("{:22} {:>7} deposits   median {:.2f} ms   99 % {:.2f} ms   longest {:.2f} ms\n", phase,
             took.size(), took[took.size() / 2], took[took.size() * 99 / 100], took.back());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: wait_bench URL ACCOUNTS SECONDS\n");
    return 2;
  }
  const std::chrono::seconds time(std::atoi(argv[3]));
  auto ledger = must(Ledger::open(argv[1], {.create = true}));
  fill(ledger, std::atoi(argv[2]));
  measure(ledger, "alone", time);
  std::atomic<bool> over = false;
  std::vector<double> asked;
  std::thread asking([&] {
    while (!over) {
      const auto begun = Steady::now();
      (void)must(ledger.trial_balance());
      asked.push_back(milliseconds(Steady::now() - begun));
    }
  });
  measure(ledger, "beside trial balances", time);
  over = true;
  asking.join();
  std::ranges::sort(asked);
  fmt::print("{:22} {:>7} asked      median {:.2f} ms   longest {:.2f} ms\n", "trial balances", asked.size(),
             asked[asked.size() / 2], asked.back());
  return 0;
}
