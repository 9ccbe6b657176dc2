// An engine over a simulated disk, with the shop's accounts and escrows in it: to fail and crash at will.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "journal/engine.h"
#include "sim/clock.h"
#include "sim/disk.h"
#include "tests/seed_tests/shop.h"

namespace holdfast {

class Machine {
 public:
  explicit Machine(journal::EngineOptions options = {})
      : options_(std::move(options)), disk_(sim::Prng(1)), clock_(sim::Prng(2), 0), random_(sim::Prng(3)) {
    root_ = disk_.root();
    EXPECT_TRUE(journal::Engine::create(*root_, random_).has_value());
    open();
  }

  [[nodiscard]] sim::SimDisk& disk() { return disk_; }

  void open() {
    root_ = disk_.root();
    journal::OpenReport report;
    auto opened = journal::Engine::open(*root_, clock_, options_, "a test", report);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    engine_ = std::move(*opened);
  }
  /// The process ends and another opens the ledger: after a power cut, or on the same running machine.
  void reopen(bool power_cut) {
    engine_.reset();
    if (power_cut) {
      disk_.restart();
    } else {
      disk_.new_process();
    }
    open();
  }

  /// One event at most: of a chunked command, one chunk.
  Result<StoreAnswer> execute_once(const Command& command) {
    std::optional<Result<StoreAnswer>> answer;
    engine_->submit(command, [&](Result<StoreAnswer> reply) { answer = std::move(reply); });
    engine_->decide();
    engine_->sync();
    EXPECT_TRUE(answer.has_value());
    return answer ? std::move(*answer) : fail(ErrorCode::aborted, "no answer");
  }
  Result<StoreAnswer> execute(const Command& command) {
    while (true) {
      auto answer = execute_once(command);
      if (!answer || !answer->more) return answer;
    }
  }

  void set_up_shop(int holds, std::int64_t amount) {
    const std::vector<Command> commands = {{OpenAccount{"payer", euro(), AccountKind::user}, {}},
                                           {OpenAccount{"shop", euro(), AccountKind::beneficiary}, {}},
                                           {standard_plan(), {}},
                                           {Deposit{"payer", Amount(holds * amount), {}}, keyed("deposit")},
                                           many_holds("campaign", holds, amount)};
    for (const auto& command : commands) ASSERT_TRUE(execute(command).has_value());
  }

  /// Reads the decide side's state; false where the engine answers nothing any more.
  bool read(const std::function<void(const journal::State&)>& look) {
    bool answered = false;
    engine_->read(look, [&](Result<void> reply) { answered = reply.has_value(); });
    engine_->decide();
    engine_->sync();
    return answered;
  }

  [[nodiscard]] journal::Engine& engine() { return *engine_; }

 private:
  journal::EngineOptions options_;
  sim::SimDisk disk_;
  sim::SimClock clock_;
  sim::SimRandom random_;
  std::unique_ptr<Directory> root_;
  std::unique_ptr<journal::Engine> engine_;
};

}  // namespace holdfast
