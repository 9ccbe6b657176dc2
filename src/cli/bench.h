// What `holdfast bench` measures: commands on a ledger of a given size, every answer durable, against what
// the disk could take.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "holdfast/ledger.h"

namespace holdfast::cli {

struct BenchOptions {
  std::string operation = "release";  // hold, release or mixed
  std::uint64_t escrows = 1'000'000;
  std::size_t batch = kMaxListItems;  // escrows a command; holds are always one a command
  std::size_t clients = 0;  // callers that wait for each answer; 0: 2 for batches, 64 for single commands
  bool random_order = true;
  std::string
      ledger;  // a new directory, which is removed at the end, or an empty ledger in PostgreSQL, which stays

  [[nodiscard]] bool on_postgres() const { return ledger.starts_with("postgres"); }
};

struct BenchReport {
  BenchOptions options;
  double items_per_s = 0;  // escrows held, released or refunded
  double p50_ms = 0;       // of a command, from the call to its durable answer
  double p99_ms = 0;
  double p999_ms = 0;
  double bytes_per_item = 0;        // of journal, padding included; 0 on PostgreSQL, as the next
  double disk_limit_per_s = 0;      // items, were the same bytes only written and synced
  double rss_bytes_per_escrow = 0;  // resident memory that the ledger grew by, over the escrows
};

/// \param progress  what is being done, how far, of how much
using BenchProgress = std::function<void(std::string_view what, std::uint64_t done, std::uint64_t of)>;

[[nodiscard]] Result<BenchReport> run_bench(BenchOptions options, const BenchProgress& progress);

}  // namespace holdfast::cli
