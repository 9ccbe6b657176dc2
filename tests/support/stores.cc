#include "tests/support/stores.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "base/assert.h"
#include "journal/journal_store.h"
#include "postgres/libpq_session.h"
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

/// The same for a user who may only what an application may. \pre the schema is there
const std::string& as_application() {
  static const std::string url = [] {
    auto owner = must(postgres::connect(direct_database()));
    const std::array<postgres::Statement, 1> make{{{"create role shop login in role holdfast_app"}}};
    HOLDFAST_ASSERT(owner->run(make).has_value(), "the owner makes a role");
    auto as = direct_database();
    return as.replace(as.find("postgres@"), 8, "shop");
  }();
  return url;
}

}  // namespace

std::string_view to_string(StoreKind kind) {
  switch (kind) {
    case StoreKind::journal:
      return "Journal";
    case StoreKind::postgres:
      return "Postgres";
    case StoreKind::pooled:
      return "Pooled";
  }
  return "Unknown";
}

std::string store_name(const ::testing::TestParamInfo<StoreKind>& info) {
  return std::string(to_string(info.param));
}

Place::Place(StoreKind kind, int workers) : kind_(kind) {
  static std::atomic<int> places{0};
  if (kind == StoreKind::journal) {
    directory_.emplace();
    url_ = (directory_->path() / "ledger").string();
  } else {
    conninfo_ = kind == StoreKind::pooled ? pooled_database() : direct_database();
    name_ = fmt::format("ledger-{}", ++places);
    url_ = fmt::format("{}&ledger={}", conninfo_, name_);
  }
  OpenOptions options;
  options.create = true;
  {
    auto made = must(open(std::move(options)));
  }
  if (kind == StoreKind::journal) return;
  const auto& as = kind == StoreKind::pooled ? conninfo_ : as_application();
  url_ = fmt::format("{}&ledger={}&workers={}", as, name_, workers);
}

Ledger Place::open() const {
  return must(open(OpenOptions()));
}

std::unique_ptr<Store> Place::open_store() const {
  if (kind_ != StoreKind::journal) return must(postgres::open_postgres_store(url_, {}));
  journal::OpenReport report;
  return must(journal::open_journal_store(url_, false, {}, report));
}

void wait_until_sealed(const Ledger& ledger) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
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
