// Two open ledgers over one, as two processes would have them: each with its own connections, workers and
// sealer. What they do at once must be what the model does in the order of seals.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

#include "service/testing/shop.h"
#include "tests/support/seal_order.h"
#include "tests/support/stores.h"

namespace holdfast {

using namespace testing;  // NOLINT: commands in one line each

/// A new ledger with alice (1,000.00 EUR), bob (nothing), a shop and the plan of 5 % and 3 %.
class TwoStores {
 public:
  explicit TwoStores(int workers = 4)
      : place_(StoreKind::postgres, workers),
        stores_{place_.open_store(), place_.open_store()},
        order_(place_.conninfo(), place_.name()) {
    for (const auto& command :
         {plan("standard", "0.05", "0.03"), open("alice"), open("bob"),
          open("shop", AccountKind::beneficiary), deposit("fund:alice", "alice", 100'000)}) {
      must(run(0, command));
    }
  }

  /// On the store of that number, counted round.
  Result<Answer> run(std::size_t store, const Command& command) {
    return order_.run(*stores_[store % stores_.size()], command);
  }
  /// Each on a thread of its own, all started at once, on the two stores in turn; their answers in order.
  std::vector<Result<Answer>> race(const std::vector<Command>& commands) {
    std::vector<Result<Answer>> answers(commands.size());
    each(commands.size(), [&](std::size_t i) { answers[i] = run(i, commands[i]); });
    return answers;
  }
  /// `work(i)` on `count` threads that start at once.
  static void each(std::size_t count, const std::function<void(std::size_t)>& work) {
    std::barrier start(static_cast<std::ptrdiff_t>(count));
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        work(i);
      });
    }
  }
  /// Escrows of alice in a group, with keys `<group>:0` and on.
  std::vector<std::string> fill(const std::string& group, int count, std::int64_t amount = 1'000) {
    std::vector<Command> all{deposit("fund:" + group, "alice", count * amount)};
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
      names.push_back(fmt::format("{}:{}", group, i));
      all.push_back(hold(names.back(), "alice", "shop", amount, group));
    }
    must(run(0, atomic(std::move(all))));
    return names;
  }

  /// To the end of every test.
  void check() {
    ASSERT_NO_FATAL_FAILURE(order_.check());
    for (auto& store : stores_) ASSERT_NO_FATAL_FAILURE(order_.check_rows(*store));
    order_.check_laws(*stores_[1]);
  }

  [[nodiscard]] Store& store(std::size_t i = 0) { return *stores_[i]; }
  [[nodiscard]] SealOrder& order() { return order_; }
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] std::int64_t available(std::string_view account) {
    return must(stores_[0]->account(account)).available.minor();
  }
  [[nodiscard]] std::int64_t held(std::string_view account) {
    return must(stores_[0]->account(account)).held.minor();
  }

 private:
  Place place_;
  std::array<std::unique_ptr<Store>, 2> stores_;
  SealOrder order_;
};

[[nodiscard]] inline std::string code_of(const Result<Answer>& answer) {
  return answer ? "ok" : std::string(to_string(answer.error().code));
}
[[nodiscard]] inline std::ptrdiff_t accepted(const std::vector<Result<Answer>>& answers) {
  return std::ranges::count_if(answers, [](const auto& answer) { return answer.has_value(); });
}

}  // namespace holdfast
