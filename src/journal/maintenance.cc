// Verify, backup, restore, migrate.
#include "journal/maintenance.h"

#include "journal/copy_target.h"
#include "journal/identity.h"
#include "journal/root_directory.h"

namespace holdfast::journal {

namespace {

std::uint64_t journal_bytes(Directory& journal) {
  std::uint64_t bytes = 0;
  const auto names = journal.list();
  if (!names) return 0;
  for (const auto& name : *names) {
    const auto file = journal.open(name, OpenMode::read);
    const auto size = file ? (*file)->size() : IoResult<std::uint64_t>(0);
    if (size) bytes += *size;
  }
  return bytes;
}

}  // namespace

Result<LogVerification> verify_ledger(const std::filesystem::path& directory, const ByteProgress& progress) {
  const auto ledger = find_ledger(directory);
  if (!ledger) return std::unexpected(ledger.error());
  return verify_log(*ledger->directories.journal, ledger->identity.uuid, progress);
}

Result<LogVerification> copy_ledger(const std::filesystem::path& source, const std::filesystem::path& target,
                                    CopyOptions options, const ByteProgress& progress) {
  const auto from = find_ledger(source);
  if (!from) return std::unexpected(from.error());
  const auto& identity = from->identity;
  auto to = open_root_directory(target, true);
  if (!to) return std::unexpected(to.error());

  const auto copy_events = [&](Directory& journal) -> Result<void> {
    LogReport report;
    const auto none = [](const Event&, std::span<const std::byte>, const Digest*) { return Result<void>(); };
    const auto log = Log::recover(journal, identity.uuid, {}, Seq(), none, report);
    if (!log) return std::unexpected(log.error());
    FrameWriter copy(**log, EscrowId(1));
    const auto of = journal_bytes(*from->directories.journal);
    std::uint64_t done = 0;
    bool reached = false;
    const EventSink sink = [&](const Event& event, std::span<const std::byte> bytes,
                               const Digest*) -> Result<void> {
      if (options.through && event.seq > options.through) {
        reached = true;
        return fail(ErrorCode::aborted, "far enough");
      }
      done += bytes.size();
      if (progress) progress(std::min(done, of), of);
      return copy.add(event, bytes);
    };
    const auto read = Log::open_read_only(*from->directories.journal, identity.uuid, Seq(), sink);
    if (!read && !reached && !(options.salvage && read.error().code == ErrorCode::corrupt)) {
      return std::unexpected(read.error());
    }
    if (auto flushed = copy.flush(); !flushed) return flushed;
    if (auto sealed = (*log)->seal(); !sealed) return sealed;
    if (progress) progress(of, of);
    return {};
  };
  // The identity is written last: a copy that was cut off is no ledger.
  if (auto made = create_ledger(**to, identity, copy_events); !made) return std::unexpected(made.error());
  return verify_ledger(target, {});
}

Result<std::uint32_t> migrate_ledger(const std::filesystem::path& directory) {
  auto root = open_root_directory(directory, false);
  if (!root) return std::unexpected(root.error());
  const auto identity = read_identity(**root);
  if (!identity) return std::unexpected(identity.error());
  return identity->format_version;  // there has been one format so far
}

}  // namespace holdfast::journal
