// The parts of a server that watch a real ledger, for tests of what it says of itself.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "server/health_api.h"
#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::server::testing {

/// A new ledger in a directory of its own, and what watches it.
struct WatchedLedger {
  /// \param audit_first  when the first audit begins
  explicit WatchedLedger(std::chrono::seconds audit_first)
      : audit(ledger, system_clock(), {.first = audit_first}, {}) {}

  holdfast::testing::TemporaryDirectory directory;
  Ledger ledger{holdfast::testing::open_ledger(directory.path() / "ledger")};
  std::unique_ptr<StateDirectory> state =
      holdfast::testing::must(StateDirectory::open(directory.path() / "server"));
  std::unique_ptr<WatchedKeys> keys = holdfast::testing::must(WatchedKeys::open(*state, [](const Error&) {}));
  Metrics metrics;
  Gate gate{true};
  Pulse pulse{{ledger, system_clock(), metrics, {}, {}}};
  Books books{ledger, *state, [](const std::string&) {}};
  DueWatch due{ledger, system_clock(), {}, {}};
  AuditWatch audit;
  std::optional<std::string> not_ready;
  HealthParts parts{.clock = system_clock(),
                    .metrics = metrics,
                    .pulse = pulse,
                    .books = books,
                    .due = due,
                    .audit = audit,
                    .gate = gate,
                    .keys = *keys,
                    .traffic = {},
                    .not_ready = [this] { return not_ready; },
                    .ledger = "./ledger",
                    .store = "journal",
                    .version = "0.0.0",
                    .started = system_clock().monotonic(),
                    .metrics_open = false};
};

}  // namespace holdfast::server::testing
