// Every store that a ledger can be in, for suites that must find no difference between them.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "holdfast/holdfast.h"
#include "ledger/store.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::testing {

/// `postgres`: as the application's role, which can neither change nor delete history. `pooled`: by way of
/// pgbouncer in transaction mode.
enum class StoreKind : std::uint8_t { journal, postgres, pooled };
inline constexpr std::array kAllStores{StoreKind::journal, StoreKind::postgres, StoreKind::pooled};
inline constexpr std::array kDirectStores{StoreKind::journal, StoreKind::postgres};

[[nodiscard]] std::string_view to_string(StoreKind kind);
inline void PrintTo(StoreKind kind, std::ostream* out) {
  *out << to_string(kind);
}
/// INSTANTIATE_TEST_SUITE_P(Stores, X, ::testing::ValuesIn(kAllStores), store_name);
[[nodiscard]] std::string store_name(const ::testing::TestParamInfo<StoreKind>& info);

/// The place of one ledger, gone with the object (but for PostgreSQL, where the process's one database goes
/// with its server). Ledgers in PostgreSQL share a database, as they may.
class Place {
 public:
  explicit Place(StoreKind kind, int workers = 4);

  /// Opens the ledger.
  [[nodiscard]] Ledger open() const;
  [[nodiscard]] Result<Ledger> open(OpenOptions options) const { return Ledger::open(url_, options); }
  [[nodiscard]] std::unique_ptr<Store> open_store() const;

  [[nodiscard]] StoreKind kind() const { return kind_; }
  /// For Ledger::open.
  [[nodiscard]] const std::string& url() const { return url_; }
  /// The database as its owner, for libpq. \pre the store is in PostgreSQL
  [[nodiscard]] const std::string& conninfo() const { return conninfo_; }
  /// The ledger's, in the database.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  StoreKind kind_;
  std::optional<TemporaryDirectory> directory_;
  std::string conninfo_;
  std::string name_;
  std::string url_;
};

/// Returns when every event has a seq; fails the test where that takes longer than 20 s.
void wait_until_sealed(const Ledger& ledger);
/// All that the queries tell, once it is sealed. Numbers that a store may leave out are not told.
[[nodiscard]] std::string contents(const Ledger& ledger);

}  // namespace holdfast::testing
