// The PostgreSQL store: commands of many callers share transactions, events are sealed behind them.
#pragma once

#include <memory>
#include <string>

#include "ledger/store.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {

/// What a ledger's url says: `postgresql://user@host/database?ledger=NAME&workers=N` and libpq's own options.
struct Address {
  std::string conninfo;         // for libpq
  std::string ledger = "main";  // ?ledger=
  int workers = 4;              // ?workers=: transactions at once, 1 to 64
};
/// `invalid_command` where `ledger` or `workers` is not as it should be.
[[nodiscard]] Result<Address> parse_address(std::string_view url);

struct StoreOptions {
  bool create = false;  // makes the schema where there is none, and the ledger in it
  bool read_only = false;
  bool in_order = false;  // decides commands in the order of `submit`
};

/// Opens a ledger.
/// `not_a_ledger` where there is none (or the schema is older: `holdfast migrate`), `newer_format`.
[[nodiscard]] Result<std::unique_ptr<Store>> open_postgres_store(std::string_view url, StoreOptions options);

/// The ledger of this name in a schema that fits. `not_a_ledger` where there is none.
[[nodiscard]] Result<LedgerRef> find_ledger(Session& session, const std::string& name, bool create);

}  // namespace holdfast::postgres
