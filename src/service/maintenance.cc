// The public face of operations on a ledger's directory.
#include "holdfast/maintenance.h"

#include "base/hash.h"
#include "journal/maintenance.h"

namespace holdfast {

namespace {

Result<VerifyReport> report_of(Result<journal::LogVerification> verification) {
  if (!verification) return std::unexpected(std::move(verification.error()));
  return VerifyReport{verification->seq, to_hex(verification->head), verification->frames,
                      verification->bytes};
}

}  // namespace

Result<VerifyReport> verify(std::string_view directory, const Progress& progress) {
  return report_of(journal::verify_ledger(directory, progress));
}

Result<VerifyReport> backup(std::string_view directory, std::string_view target, const Progress& progress) {
  return report_of(journal::copy_ledger(directory, target, {}, progress));
}

Result<VerifyReport> restore(std::string_view source, std::string_view target, Seq through,
                             const Progress& progress) {
  return report_of(journal::copy_ledger(source, target, {through, true}, progress));
}

Result<std::uint32_t> migrate(std::string_view directory) {
  return journal::migrate_ledger(directory);
}

}  // namespace holdfast
