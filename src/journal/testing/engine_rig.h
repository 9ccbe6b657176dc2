// An engine without threads in a real directory whose calls a test can hold up or let fail: every step is
// made by hand, and what was answered when is kept.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/posix_file.h"
#include "base/random.h"
#include "journal/engine.h"
#include "journal/testing/faulty_directory.h"
#include "ledger/testing/commands.h"

namespace holdfast::journal::testing {

using namespace holdfast::testing;

class HandClock final : public Clock {
 public:
  [[nodiscard]] Timestamp wall() const override { return now; }
  [[nodiscard]] std::chrono::nanoseconds monotonic() const override { return passed += each_call; }
  Timestamp now{1'764'000'000'000'000};
  std::chrono::nanoseconds each_call{0};  // what passes from one call to the next

 private:
  mutable std::chrono::nanoseconds passed{0};
};

/// An answer that has come, or not yet.
template <class T>
using Awaited = std::shared_ptr<std::optional<Result<T>>>;

template <class T>
[[nodiscard]] std::string code_of(const Awaited<T>& answer) {
  if (!*answer) return "not answered";
  return **answer ? "ok" : std::string(to_string((**answer).error().code));
}

class EngineRig {
 public:
  explicit EngineRig(std::filesystem::path path, EngineOptions options = {}) : path_(std::move(path)) {
    options_ = std::move(options);
    if (options_.log.segment_bytes == LogOptions{}.segment_bytes) options_.log.segment_bytes = 256 << 10;
    root_ = std::make_unique<FaultyDirectory>(faults, *open_posix_directory(path_, true));
    const auto created = Engine::create(*root_, system_random());
    EXPECT_TRUE(created.has_value());
    open();
  }

  void open() {
    engine_.reset();
    report = {};
    auto opened = Engine::open(*root_, clock, options_, "the test", report);
    ASSERT_TRUE(opened) << opened.error().message;
    engine_ = std::move(*opened);
  }
  void crash() { engine_.reset(); }

  Engine& operator*() { return *engine_; }
  Engine* operator->() { return engine_.get(); }

  [[nodiscard]] Awaited<StoreAnswer> submit(Command command) {
    auto answer = std::make_shared<std::optional<Result<StoreAnswer>>>();
    engine_->submit(std::move(command), [answer](Result<StoreAnswer> given) {
      EXPECT_FALSE(answer->has_value()) << "an answer is given once";
      *answer = std::move(given);
    });
    return answer;
  }
  [[nodiscard]] Awaited<void> read(std::function<void(const State&)> look) {
    auto answer = std::make_shared<std::optional<Result<void>>>();
    engine_->read(std::move(look), [answer](Result<void> given) {
      EXPECT_FALSE(answer->has_value()) << "an answer is given once";
      *answer = std::move(given);
    });
    return answer;
  }
  [[nodiscard]] Awaited<StoreAnswer> exclusive(Options options,
                                               std::function<Result<void>(TransactionPort&)> block) {
    auto answer = std::make_shared<std::optional<Result<StoreAnswer>>>();
    engine_->exclusive(std::move(options), std::move(block),
                       [answer](Result<StoreAnswer> given) { *answer = std::move(given); });
    return answer;
  }

  /// Decides and syncs until nothing waits.
  void settle() {
    while (engine_->wants_decide() || engine_->wants_sync()) {
      engine_->decide();
      engine_->sync();
    }
  }
  StoreAnswer run(Command command) {
    const auto answer = submit(std::move(command));
    settle();
    if (code_of(answer) != "ok") {
      ADD_FAILURE() << code_of(answer);
      return {};
    }
    return std::move(***answer);
  }
  void stock() {
    run(plan("standard", "0.05", "0.03"));
    run(holdfast::testing::open("alice"));
    run(holdfast::testing::open("shop", AccountKind::beneficiary));
    run(deposit("fund", "alice", 100'000));
  }
  /// What alice has; -1 where reads are refused.
  std::int64_t available() {
    std::int64_t minor = -1;
    const auto answer = read(
        [&](const State& state) { minor = state.account(*state.find_account("alice"))->available.minor(); });
    settle();
    return code_of(answer) == "ok" ? minor : -1;
  }

  Faults faults;
  HandClock clock;
  OpenReport report;

 private:
  std::filesystem::path path_;
  EngineOptions options_;
  std::unique_ptr<Directory> root_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace holdfast::journal::testing
