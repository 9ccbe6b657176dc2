// The ledger's tables, in the schema `holdfast`: made and brought up to date by numbered SQL files.
//
// `holdfast.schema_migrations` has a row for each file that was applied, with the hash of its text. A file
// that was applied is never changed: what must become different is a new file. Only `migrate` changes a
// schema.
#pragma once

#include <span>
#include <string_view>

#include "postgres/session.h"

namespace holdfast::postgres {

/// One file src/postgres/sql/NNNN_name.sql. It names what it makes with its schema, and holds no BEGIN or
/// COMMIT: it is applied in a transaction whole.
struct Migration {
  int version = 0;
  std::string_view name;
  std::string_view sql;
};

/// All that this version has, in order: their versions are 1, 2, 3, …
[[nodiscard]] std::span<const Migration> migrations();

struct MigrationReport {
  int from = 0;  // the version that was found; 0: there was no schema
  int to = 0;
};

/// Applies what is missing of `wanted`, each file in a transaction of its own; a failure leaves those before
/// it applied. Needs a role that owns the schema, or may create it. Several may run at once: a file is
/// applied by one of them, and `from` is the version that this one found first. `newer_format` where the
/// database has a newer schema, `corrupt` where a file that was applied is not the one here. Then nothing was
/// changed.
/// \pre the versions of `wanted` are 1, 2, 3, …; the session is not in a transaction
[[nodiscard]] Result<MigrationReport> migrate(Session& session,
                                              std::span<const Migration> wanted = migrations());

/// Nothing where the database's schema is the one of `wanted`; changes nothing. `not_a_ledger` where it is
/// missing or older, else as `migrate`.
[[nodiscard]] Result<void> check_schema(Session& session, std::span<const Migration> wanted = migrations());

}  // namespace holdfast::postgres
