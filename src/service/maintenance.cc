// The public face of operations on a ledger as a whole.
#include "holdfast/maintenance.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "holdfast/ledger.h"
#include "journal/maintenance.h"
#include "postgres/maintenance.h"
#include "service/url.h"

namespace holdfast {

namespace {

Result<VerifyReport> report_of(Result<journal::LogVerification> verification) {
  if (!verification) return std::unexpected(std::move(verification.error()));
  return VerifyReport{verification->seq, to_hex(verification->head), verification->frames,
                      verification->bytes};
}

/// For what copies files.
Result<void> check_directory(std::string_view url) {
  if (!is_postgres(url)) return {};
  return fail(ErrorCode::invalid_command,
              "a ledger in PostgreSQL is backed up and restored with PostgreSQL's own tools (pg_dump of the "
              "schema holdfast, or pg_basebackup); its events are copied to a directory with: holdfast copy");
}

}  // namespace

Result<VerifyReport> verify(std::string_view url, const Progress& progress) {
  if (!is_postgres(url)) return report_of(journal::verify_ledger(url, progress));
  auto opened = postgres::open_ledger(url, false);
  if (!opened) return std::unexpected(std::move(opened.error()));
  const auto report = postgres::verify_chain(*opened, progress);
  if (!report) return std::unexpected(report.error());
  return VerifyReport{report->end.seq, to_hex(report->end.head), 0, report->bytes};
}

Result<VerifyReport> backup(std::string_view directory, std::string_view target, const Progress& progress) {
  for (const auto place : {directory, target}) {
    if (auto fits = check_directory(place); !fits) return std::unexpected(fits.error());
  }
  return report_of(journal::copy_ledger(directory, target, {}, progress));
}

Result<VerifyReport> restore(std::string_view source, std::string_view target, Seq through,
                             const Progress& progress) {
  for (const auto place : {source, target}) {
    if (auto fits = check_directory(place); !fits) return std::unexpected(fits.error());
  }
  return report_of(journal::copy_ledger(source, target, {through, true}, progress));
}

Result<MigrateReport> migrate(std::string_view url) {
  MigrateReport report;
  if (!is_postgres(url)) {
    const auto format = journal::migrate_ledger(url);
    if (!format) return std::unexpected(format.error());
    report.from = report.to = *format;
    return report;
  }
  const auto done = postgres::migrate_database(url);
  if (!done) return std::unexpected(done.error());
  report.from = static_cast<std::uint32_t>(done->from);
  report.to = static_cast<std::uint32_t>(done->to);
  for (const auto& file : postgres::migrations()) {
    if (file.version > done->from && file.version <= done->to)
      report.applied.push_back(fmt::format("{:04}_{}", file.version, file.name));
  }
  return report;
}

Result<SealReport> seal(std::string_view url, const Progress& progress) {
  if (is_postgres(url)) {
    auto opened = postgres::open_ledger(url, false);
    if (!opened) return std::unexpected(std::move(opened.error()));
    const auto sealed = postgres::seal_all(*opened, progress);
    if (!sealed) return std::unexpected(sealed.error());
    const auto end = postgres::end_of(*opened);
    if (!end) return std::unexpected(end.error());
    return SealReport{*sealed, end->seq, to_hex(end->head)};
  }
  const auto ledger = Ledger::open(url, {.read_only = true});
  if (!ledger) return std::unexpected(ledger.error());
  const auto status = ledger->status();
  if (!status) return std::unexpected(status.error());
  return SealReport{0, status->seq, status->head};
}

}  // namespace holdfast
