#include "postgres/schema.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <tuple>

#include "base/assert.h"
#include "base/hash.h"

namespace holdfast::postgres {
namespace {

/// Whoever migrates holds this advisory lock until its transaction ends. A lock of the session would be left
/// behind in a pooler's connection.
constexpr std::int64_t kMigrationLock = 0x686f6c64'66617374;  // "holdfast"

// The lock is of use only where the statements after it see what was committed while it was waited for.
constexpr std::string_view kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

constexpr std::string_view kFindTable =
    "SELECT current_database(), to_regnamespace('holdfast') IS NOT NULL, "
    "to_regclass('holdfast.schema_migrations') IS NOT NULL, current_setting('server_encoding')";

constexpr std::string_view kCreateTable =
    "CREATE TABLE holdfast.schema_migrations ("
    "version integer PRIMARY KEY, "
    "name text NOT NULL, "
    "sha256 bytea NOT NULL CHECK (length(sha256) = 32), "
    "applied_at timestamptz NOT NULL DEFAULT now())";

constexpr std::string_view kReadApplied =
    "SELECT version, name, sha256 FROM holdfast.schema_migrations ORDER BY version";

constexpr std::string_view kInsertApplied =
    "INSERT INTO holdfast.schema_migrations (version, name, sha256) VALUES ($1, $2, $3)";

Digest hash_of(const Migration& migration) {
  return sha256(std::as_bytes(std::span(migration.sql)));
}

Result<ResultSets> run(Session& session, std::initializer_list<Statement> statements) {
  auto results = session.run(std::span(statements.begin(), statements.size()));
  if (!results) return std::unexpected(to_error(results.error()));
  return std::move(*results);
}

/// What a database has of the schema.
struct Found {
  std::string database;
  bool schema = false;
  bool table = false;
  std::string encoding;
};

Found read_found(const ResultSet& rows) {
  return {.database = std::string(rows.text(0, 0)),
          .schema = rows.boolean(0, 1),
          .table = rows.boolean(0, 2),
          .encoding = std::string(rows.text(0, 3))};
}

/// Reasons are UTF-8, and names are compared by their bytes.
Result<void> check_encoding(const Found& found) {
  if (found.encoding == "UTF8") return {};
  return fail(
      ErrorCode::not_a_ledger,
      fmt::format("database \"{}\" has encoding {}, a ledger needs UTF8: give it a database of its own, made "
                  "with: createdb --encoding=UTF8 --template=template0 NAME",
                  found.database, found.encoding));
}

/// How many of `wanted` were applied, given the rows of kReadApplied.
Result<std::size_t> count_applied(const ResultSet& rows, std::span<const Migration> wanted,
                                  std::string_view database) {
  const auto count = rows.rows();
  if (count > 0 && rows.integer(count - 1, 0) > static_cast<std::int64_t>(wanted.size())) {
    return fail(
        ErrorCode::newer_format,
        fmt::format("database \"{}\" has version {} of the ledger's schema, this holdfast knows versions up "
                    "to {}. Nothing was changed; use a newer holdfast",
                    database, rows.integer(count - 1, 0), wanted.size()));
  }
  for (std::size_t row = 0; row < count; ++row) {
    const auto version = rows.integer(row, 0);
    if (version != static_cast<std::int64_t>(row) + 1) {
      return fail(
          ErrorCode::corrupt,
          fmt::format("database \"{}\": holdfast.schema_migrations has no row {} but has row {}. Nothing was "
                      "changed; restore the database from a backup",
                      database, row + 1, version));
    }
    const auto digest = hash_of(wanted[row]);
    const auto applied = rows.bytes(row, 2);
    if (applied.size() != digest.size() || std::memcmp(applied.data(), digest.data(), digest.size()) != 0) {
      return fail(
          ErrorCode::corrupt,
          fmt::format("database \"{}\": migration {:04}_{} was applied with another text than this holdfast "
                      "has ({:04}_{}). Nothing was changed; use the holdfast that applied it, or a later one",
                      database, version, rows.text(row, 1), wanted[row].version, wanted[row].name));
    }
  }
  return count;
}

/// Creates what is missing for kReadApplied. \pre in the transaction that holds the lock
Result<void> create_table(Session& session, const Found& found) {
  if (!found.schema) {
    if (auto made = run(session, {{"CREATE SCHEMA holdfast"}}); !made) return std::unexpected(made.error());
  }
  if (auto made = run(session, {{kCreateTable}}); !made) return std::unexpected(made.error());
  return {};
}

struct Step {
  std::size_t found = 0;  // how many were applied before this step
  bool applied = false;
};

/// Applies the next file that is missing, if any. \pre in a transaction, which the caller ends
Result<Step> apply_next(Session& session, std::span<const Migration> wanted) {
  auto looked = run(session, {{"SELECT pg_advisory_xact_lock($1)", {kMigrationLock}}, {kFindTable}});
  if (!looked) return std::unexpected(looked.error());
  const auto found = read_found(*looked->at(1));
  if (auto fits = check_encoding(found); !fits) return std::unexpected(fits.error());
  if (!found.table) {
    if (auto made = create_table(session, found); !made) return std::unexpected(made.error());
  }
  const auto rows = run(session, {{kReadApplied}});
  if (!rows) return std::unexpected(rows.error());
  const auto count = count_applied(*rows->front(), wanted, found.database);
  if (!count) return std::unexpected(count.error());
  if (*count == wanted.size()) return Step{.found = *count, .applied = false};

  const auto& next = wanted[*count];
  if (auto done = session.run_script(next.sql); !done) {
    auto error = to_error(done.error());
    error.message = fmt::format("migration {:04}_{}: {}", next.version, next.name, error.message);
    return std::unexpected(std::move(error));
  }
  const auto digest = hash_of(next);
  const auto bytes = std::as_bytes(std::span(digest));
  auto noted = run(
      session, {{kInsertApplied,
                 {std::int64_t{next.version}, std::string(next.name), Bytes(bytes.begin(), bytes.end())}}});
  if (!noted) return std::unexpected(noted.error());
  return Step{.found = *count, .applied = true};
}

}  // namespace

Result<MigrationReport> migrate(Session& session, std::span<const Migration> wanted) {
  const auto asked = run(session, {{"SELECT pg_is_in_recovery()"}});
  if (!asked) return std::unexpected(asked.error());
  if (asked->front()->boolean(0, 0)) {
    return fail(ErrorCode::read_only,
                "this server is a replica: migrate the primary, and what it does comes here by itself");
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    HOLDFAST_ASSERT(wanted[i].version == static_cast<int>(i) + 1,
                    "migrations are numbered from 1 without gaps");
  }
  std::optional<std::size_t> from;
  while (true) {
    if (auto begun = run(session, {{kBegin}}); !begun) return std::unexpected(begun.error());
    const auto step = apply_next(session, wanted);
    if (!step) {
      // What went wrong is the answer, also where this fails.
      std::ignore = session.run(std::array{Statement{"ROLLBACK"}});
      return std::unexpected(step.error());
    }
    if (auto ended = run(session, {{"COMMIT"}}); !ended) return std::unexpected(ended.error());
    if (!from) from = step->found;
    if (!step->applied)
      return MigrationReport{.from = static_cast<int>(*from), .to = static_cast<int>(step->found)};
  }
}

Result<void> check_schema(Session& session, std::span<const Migration> wanted) {
  const auto looked = run(session, {{kFindTable}});
  if (!looked) return std::unexpected(looked.error());
  const auto found = read_found(*looked->front());
  if (auto fits = check_encoding(found); !fits) return std::unexpected(fits.error());
  if (!found.table) {
    return fail(ErrorCode::not_a_ledger,
                fmt::format("database \"{}\" has no ledger's schema. Make it with: holdfast migrate",
                            found.database));
  }
  const auto rows = run(session, {{kReadApplied}});
  if (!rows) return std::unexpected(rows.error());
  const auto count = count_applied(*rows->front(), wanted, found.database);
  if (!count) return std::unexpected(count.error());
  if (*count < wanted.size()) {
    return fail(
        ErrorCode::not_a_ledger,
        fmt::format(
            "database \"{}\" has version {} of the ledger's schema, this holdfast needs {}. Bring it up "
            "to date with: holdfast migrate",
            found.database, *count, wanted.size()));
  }
  return {};
}

}  // namespace holdfast::postgres
