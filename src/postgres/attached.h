// A ledger inside a transaction that the caller has open on his own connection.
#pragma once

#include <memory>
#include <string_view>

#include "holdfast/postgres.h"
#include "ledger/store.h"

namespace holdfast::postgres {

/// A store whose commands and questions run in the caller's transaction; what it answers is durable when he
/// has committed. Not thread-safe. `invalid_command` where the name is none. The ledger is looked for with
/// the first command. \param connection, port  outlive the store
[[nodiscard]] Result<std::unique_ptr<Store>> attach_to(pg_conn* connection, std::string_view ledger);
[[nodiscard]] Result<std::unique_ptr<Store>> attach_to(PostgresSession& port, std::string_view ledger);

}  // namespace holdfast::postgres
