// Opening a ledger's directory.
#include "journal/opening.h"

#include <fmt/format.h>

#include <limits>

#include "base/probe.h"
#include "journal/snapshot.h"

namespace holdfast::journal {

namespace {

/// The journal must reach what the snapshot has seen: a snapshot gets its name only when that is durable.
Result<void> check_reach(const Directory& root, const LoadedSnapshot& snapshot, Seq end) {
  if (end >= snapshot.through) return {};
  return fail(ErrorCode::corrupt,
              fmt::format("{}: the journal ends at seq {}, but snapshot {} holds events up to seq {}: the "
                          "journal has lost its "
                          "end. Nothing was changed; restore from a backup",
                          root.path(), end.value(), snapshot.name, snapshot.through.value()));
}

}  // namespace

Result<OpenedLedger> open_ledger(Directory& root, bool write, LogOptions options) {
  OpenedLedger opened;
  auto identity = read_identity(root);
  if (!identity) return std::unexpected(identity.error());
  opened.identity = *identity;
  auto directories = open_directories(root);
  if (!directories) return std::unexpected(directories.error());
  opened.directories = std::move(*directories);

  const auto make_state = [&] { return std::make_unique<State>(opened.identity.secret); };
  auto snapshot =
      load_newest_snapshot(*opened.directories.snapshot, opened.identity.uuid,
                           Seq(std::numeric_limits<std::uint64_t>::max()), make_state, opened.state);
  if (!snapshot) return std::unexpected(snapshot.error());
  for (const auto& bad : snapshot->passed_over)
    opened.notes.push_back(fmt::format("snapshot passed over: {}", bad));

  Timestamp last_at;
  const EventSink sink = [&](const Event& event, std::span<const std::byte> bytes,
                             const Digest*) -> Result<void> {
    last_at = event.at;
    opened.replayed_bytes += bytes.size();
    return opened.state->replay(event);
  };
  LogReport report;
  auto log =
      write ? Log::recover(*opened.directories.journal, opened.identity.uuid, options, snapshot->from, sink,
                           report)
            : Log::open_read_only(*opened.directories.journal, opened.identity.uuid, snapshot->from, sink);
  if (!log) return std::unexpected(log.error());
  opened.log = std::move(*log);
  opened.notes.insert(opened.notes.end(), report.notes.begin(), report.notes.end());

  const auto end = opened.log->durable().seq;
  if (auto reach = check_reach(root, *snapshot, end); !reach) return std::unexpected(reach.error());
  if (end && opened.replayed_bytes == 0) {
    reached(Probe::nothing_replayed);
    const auto last = opened.log->read(end);
    if (!last) return std::unexpected(last.error());
    last_at = last->at;
  }
  if (auto finished = opened.state->finish_load(end, last_at); !finished)
    return std::unexpected(finished.error());
  return opened;
}

}  // namespace holdfast::journal
