#include "tests/support/stores.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/assert.h"
#include "journal/journal_store.h"
#include "postgres/postgres_store.h"
#include "service/testing/shop.h"
#include "tests/support/postgres_server.h"

namespace holdfast::testing {
namespace {

constexpr int kPooledConnections = 16;

/// The process's database by way of the pooler, which is started at the first call.
const std::string& pooled_database() {
  static const std::string url = [] {
    shared_postgres().create_database("pooled");
    shared_postgres().start_pooler(kPooledConnections);
    return shared_postgres().pooled_url("pooled");
  }();
  return url;
}

const std::string& direct_database() {
  static const std::string url = shared_postgres().new_database();
  return url;
}

}  // namespace

std::string store_name(const ::testing::TestParamInfo<StoreKind>& info) {
  switch (info.param) {
    case StoreKind::journal:
      return "Journal";
    case StoreKind::postgres:
      return "Postgres";
    case StoreKind::pooled:
      return "Pooled";
  }
  return "Unknown";
}

Place::Place(StoreKind kind, int workers) : kind_(kind) {
  static std::atomic<int> places{0};
  if (kind == StoreKind::journal) {
    directory_.emplace();
    url_ = (directory_->path() / "ledger").string();
    return;
  }
  conninfo_ = kind == StoreKind::pooled ? pooled_database() : direct_database();
  url_ = fmt::format("{}&ledger=ledger-{}&workers={}", conninfo_, ++places, workers);
}

Ledger Place::open() const {
  OpenOptions options;
  options.create = true;
  return must(open(std::move(options)));
}

std::unique_ptr<Store> Place::open_store() const {
  if (kind_ != StoreKind::journal) return must(postgres::open_postgres_store(url_, {.create = true}));
  journal::OpenReport report;
  return must(journal::open_journal_store(url_, true, {}, report));
}

void wait_until_sealed(const Ledger& ledger) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (must(ledger.status()).unsealed > 0) {
    if (std::chrono::steady_clock::now() > end) {
      FAIL() << must(ledger.status()).unsealed << " events are left unsealed";
    }
    std::this_thread::yield();
  }
}

std::string contents(const Ledger& ledger) {
  wait_until_sealed(ledger);
  const auto status = must(ledger.status());
  const auto all = everything(ledger);
  return fmt::format("seq {} head {}\n{}", status.seq.value(), status.head, all.substr(all.find('\n') + 1));
}

}  // namespace holdfast::testing
