// Creation and recognition of a ledger's directory.
#include "journal/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/probe.h"
#include "journal/log.h"

namespace holdfast::journal {

namespace {

constexpr std::string_view kMagic{"HOLDFAST LEDGER\0", 16};
constexpr std::size_t kFileBytes = 16 + 4 + 16 + 16 + 32;
constexpr std::string_view kFile = "ledger";
constexpr std::string_view kTemporary = "ledger.new";

Bytes encode(const Identity& identity) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.raw(std::as_bytes(std::span(kMagic.data(), kMagic.size())));
  out.u32_fixed(identity.format_version);
  out.raw(std::as_bytes(std::span(identity.uuid)));
  out.raw(std::as_bytes(std::span(identity.secret)));
  const auto digest = sha256(bytes);
  out.raw(std::as_bytes(std::span(digest)));
  return bytes;
}

std::unexpected<Error> io_failure(const IoError& error) {
  return std::unexpected(to_error(error));
}

/// True where no event was ever written: the segment's first frame is not there. Then removing it loses
/// nothing.
Result<bool> holds_no_event(Directory& journal, const std::string& name) {
  auto file = journal.open(name, OpenMode::read);
  if (!file) return io_failure(file.error());
  std::array<std::byte, kFrameAlignment> page{};
  const auto got = read_all(**file, kFrameAlignment, page);
  if (!got) return io_failure(got.error());
  return std::all_of(page.begin(), page.end(), [](std::byte b) { return b == std::byte{0}; });
}

/// Removes what a creation that was cut off left in `journal`; refuses where there is more.
Result<void> clear_half_made(Directory& journal) {
  const auto names = journal.list();
  if (!names) return io_failure(names.error());
  for (const auto& name : *names) {
    const auto empty = holds_no_event(journal, name);
    if (!empty) return std::unexpected(empty.error());
    if (!*empty) {
      return fail(
          ErrorCode::not_a_ledger,
          fmt::format(
              "{} has a journal with events but no file \"ledger\", which names it. Nothing was changed; "
              "restore the file, or the ledger, from a backup",
              journal.path()));
    }
  }
  for (const auto& name : *names) {
    reached(Probe::creation_cleared);
    if (auto removed = journal.remove(name); !removed) return io_failure(removed.error());
  }
  return {};
}

}  // namespace

Result<void> check_free(Directory& root) {
  static constexpr std::array<std::string_view, 5> kOurs{"LOCK", "index", "journal", kTemporary, "snapshot"};
  const auto names = root.list();
  if (!names) return io_failure(names.error());
  for (const auto& name : *names) {
    if (name == kFile) {
      if (auto known = read_identity(root); !known) return std::unexpected(known.error());
      return fail(ErrorCode::not_a_ledger,
                  fmt::format("{} is a ledger already. Nothing was changed", root.path()));
    }
    if (std::find(kOurs.begin(), kOurs.end(), name) == kOurs.end()) {
      return fail(
          ErrorCode::not_a_ledger,
          fmt::format("{} is not empty: it has \"{}\". Give a new or empty directory", root.path(), name));
    }
  }
  return {};
}

namespace {

Result<void> write_identity(Directory& root, const Identity& identity) {
  auto file = root.open(kTemporary, OpenMode::create);
  if (!file && file.error().error_number == EEXIST) {
    if (auto removed = root.remove(kTemporary); !removed) return io_failure(removed.error());
    file = root.open(kTemporary, OpenMode::create);
  }
  if (!file) return io_failure(file.error());
  if (auto written = write_all(**file, 0, encode(identity)); !written) return io_failure(written.error());
  if (auto synced = (*file)->sync(); !synced) return io_failure(synced.error());
  if (auto renamed = root.rename(kTemporary, kFile); !renamed) return io_failure(renamed.error());
  if (auto synced = root.sync(); !synced) return io_failure(synced.error());
  return {};
}

}  // namespace

Identity new_identity(Random& random) {
  Identity identity;
  identity.format_version = kFormatVersion;
  random.fill(std::as_writable_bytes(std::span(identity.uuid)));
  random.fill(std::as_writable_bytes(std::span(identity.secret)));
  return identity;
}

Result<LedgerDirectories> open_directories(Directory& root) {
  LedgerDirectories directories;
  const auto open = [&](std::string_view name, std::unique_ptr<Directory>& into) -> Result<void> {
    auto directory = root.subdirectory(name, false);
    if (!directory && directory.error().error_number == ENOENT) {
      return fail(ErrorCode::corrupt,
                  fmt::format("{}: the directory \"{}\" is missing. Nothing was changed; restore from a "
                              "backup",
                              root.path(), name));
    }
    if (!directory) return io_failure(directory.error());
    into = std::move(*directory);
    return {};
  };
  if (auto opened = open("journal", directories.journal); !opened) return std::unexpected(opened.error());
  if (auto opened = open("snapshot", directories.snapshot); !opened) return std::unexpected(opened.error());
  if (auto opened = open("index", directories.index); !opened) return std::unexpected(opened.error());
  return directories;
}

Result<void> create_ledger(Directory& root, const Identity& identity,
                           const std::function<Result<void>(Directory& journal)>& fill) {
  if (auto free = check_free(root); !free) return free;
  for (const std::string_view name : {"journal", "snapshot", "index"}) {
    auto directory = root.subdirectory(name, true);
    if (!directory) return io_failure(directory.error());
    if (name != "journal") continue;
    if (auto cleared = clear_half_made(**directory); !cleared) return cleared;
    if (auto made = Log::create(**directory, identity.uuid); !made) return made;
    if (!fill) continue;
    if (auto filled = fill(**directory); !filled) return filled;
  }
  if (auto synced = root.sync(); !synced) return io_failure(synced.error());
  return write_identity(root, identity);
}

Result<Identity> read_identity(Directory& root) {
  auto file = root.open(kFile, OpenMode::read);
  if (!file && file.error().error_number == ENOENT) {
    return fail(
        ErrorCode::not_a_ledger,
        fmt::format("{} is not a ledger: it has no file \"ledger\". Make one with: holdfast --ledger {} init",
                    root.path(), root.path()));
  }
  if (!file) return io_failure(file.error());
  std::array<std::byte, kFileBytes + 1> bytes{};
  const auto got = read_all(**file, 0, bytes);
  if (!got) return io_failure(got.error());
  ByteReader in(std::span<const std::byte>(bytes).first(*got));
  // A file that ends before it differs is ours, cut short.
  const auto magic = in.raw(std::min(kMagic.size(), *got));
  if (std::memcmp(magic.data(), kMagic.data(), magic.size()) != 0) {
    return fail(ErrorCode::not_a_ledger,
                fmt::format("{}/{} is not a ledger's: it begins with other bytes. Nothing was "
                            "changed",
                            root.path(), kFile));
  }
  Identity identity;
  identity.format_version = in.u32_fixed();
  if (in.ok() && identity.format_version > kFormatVersion) {
    return fail(
        ErrorCode::newer_format,
        fmt::format(
            "{} has format {}, this version reads up to {}. Nothing was changed; use a newer holdfast",
            root.path(), identity.format_version, kFormatVersion));
  }
  const auto uuid = in.raw(identity.uuid.size());
  const auto secret = in.raw(identity.secret.size());
  const auto body = std::span<const std::byte>(bytes).first(in.position());
  const auto digest = in.raw(32);
  if (!in.ok() || *got != kFileBytes || std::memcmp(sha256(body).data(), digest.data(), digest.size()) != 0) {
    return fail(ErrorCode::corrupt,
                fmt::format("{}/{} at byte 0: it does not verify ({} bytes). Nothing was changed; copy "
                            "this file from a backup of the same ledger",
                            root.path(), kFile, *got));
  }
  std::memcpy(identity.uuid.data(), uuid.data(), uuid.size());
  std::memcpy(identity.secret.data(), secret.data(), secret.size());
  return identity;
}

}  // namespace holdfast::journal
