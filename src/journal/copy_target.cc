#include "journal/copy_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/random.h"
#include "journal/root_directory.h"

namespace holdfast::journal {
namespace {

constexpr std::size_t kFrameBytes = std::size_t{4} << 20;

EscrowId above(EscrowId next, const Event& event) {
  for_each_effect(event.entry, [&](const Entry& effect) {
    if (const auto* held = std::get_if<Held>(&effect.body)) next = std::max(next, held->escrow.next());
  });
  return next;
}

}  // namespace

Result<void> FrameWriter::add(const Event& event, std::span<const std::byte> bytes) {
  if (payload_.count == 0) {
    payload_.first = event.seq;
    payload_.next_escrow = next_escrow_;
  }
  next_escrow_ = above(next_escrow_, event);
  ++payload_.count;
  ByteWriter out(payload_.bytes);
  out.varint(bytes.size());
  out.raw(bytes);
  return payload_.bytes.size() < kFrameBytes ? Result<void>() : flush();
}

Result<void> FrameWriter::flush() {
  if (payload_.count == 0) return {};
  if (auto reserved = log_.reserve(0, payload_.bytes.size() + 2 * kFrameAlignment); !reserved)
    return reserved;
  const auto appended = log_.append(payload_);
  payload_.clear();
  if (!appended) return std::unexpected(appended.error());
  return {};
}

Result<std::unique_ptr<CopyTarget>> CopyTarget::open(const std::filesystem::path& directory) {
  std::unique_ptr<CopyTarget> target(new CopyTarget);
  auto root = open_root_directory(directory, true);
  if (!root) return std::unexpected(root.error());
  target->root_ = std::move(*root);
  auto identity = read_identity(*target->root_);
  const auto is_none = [&] { return !identity && identity.error().code == ErrorCode::not_a_ledger; };
  if (!identity && !is_none()) return std::unexpected(identity.error());
  if (is_none()) {
    // Before a lock is left in somebody's directory; another may be making the ledger at this moment.
    if (auto free = check_free(*target->root_); !free && !read_identity(*target->root_))
      return std::unexpected(free.error());
  }
  auto lock = target->root_->lock("LOCK", "holdfast copy");
  if (!lock && lock.error().error_number == EWOULDBLOCK) {
    return fail(ErrorCode::busy,
                fmt::format("{} is in use by another writer: {}", target->root_->path(), lock.error().what));
  }
  if (!lock) return std::unexpected(to_error(lock.error()));
  target->lock_ = std::move(*lock);
  if (is_none()) identity = read_identity(*target->root_);  // it may have been made meanwhile
  if (is_none()) {
    if (auto made = create_ledger(*target->root_, new_identity(system_random())); !made)
      return std::unexpected(made.error());
    identity = read_identity(*target->root_);
  }
  if (!identity) return std::unexpected(identity.error());
  auto directories = open_directories(*target->root_);
  if (!directories) return std::unexpected(directories.error());
  target->directories_ = std::move(*directories);

  EscrowId next{1};
  const EventSink look = [&](const Event& event, std::span<const std::byte>, const Digest*) -> Result<void> {
    next = above(next, event);
    return {};
  };
  LogReport report;
  auto log = Log::recover(*target->directories_.journal, identity->uuid, {}, Seq(), look, report);
  if (!log) return std::unexpected(log.error());
  target->log_ = std::move(*log);
  target->writer_ = std::make_unique<FrameWriter>(*target->log_, next);
  return target;
}

Result<void> CopyTarget::finish() {
  if (auto flushed = writer_->flush(); !flushed) return flushed;
  return log_->seal();
}

Result<Durable> read_events(const std::filesystem::path& directory, Seq after, const EventSink& sink) {
  const auto ledger = find_ledger(directory);
  if (!ledger) return std::unexpected(ledger.error());
  auto log = Log::open_read_only(*ledger->directories.journal, ledger->identity.uuid, after, sink);
  if (!log) return std::unexpected(log.error());
  return (*log)->durable();
}

}  // namespace holdfast::journal
