#include "server/state_directory.h"

#include <fmt/format.h>

#include <cerrno>

#include "base/clock.h"
#include "base/posix_file.h"
#include "base/small_file.h"

namespace holdfast::server {

namespace {

namespace fs = std::filesystem;

constexpr auto kOthers = fs::perms::group_all | fs::perms::others_all;

Result<void> set_mode(const fs::path& path, fs::perms mode) {
  std::error_code error;
  fs::permissions(path, mode, error);
  if (error) return std::unexpected(to_error({error.value(), fmt::format("chmod {}", path.string())}));
  return {};
}

std::string mode_text(fs::perms mode) {
  return fmt::format("{:04o}", static_cast<unsigned>(mode) & 07777U);
}

}  // namespace

fs::path default_state_path(std::string_view ledger_url) {
  const bool in_postgres = ledger_url.starts_with("postgresql://") || ledger_url.starts_with("postgres://");
  return in_postgres ? fs::path("holdfast-server") : fs::path(ledger_url) / "server";
}

Result<std::unique_ptr<StateDirectory>> StateDirectory::open(const fs::path& path) {
  auto there = open_posix_directory(path, false);
  if (!there && there.error().error_number == ENOENT) {
    const auto place = path.has_filename() ? path : path.parent_path();  // "a/" is "a"
    const auto above = place.has_parent_path() ? place.parent_path() : fs::path(".");
    auto parent = open_posix_directory(above, false);
    if (!parent && parent.error().error_number == ENOENT) {
      return fail(ErrorCode::not_a_ledger,
                  fmt::format("there is no directory {} to keep the server's files in: make the ledger first "
                              "(holdfast init), or give another place with --state",
                              above.string()));
    }
    if (!parent) return std::unexpected(to_error(parent.error()));
    auto made = (*parent)->subdirectory(place.filename().string(), true);
    if (!made) return std::unexpected(to_error(made.error()));
    if (auto mode = set_mode(place, fs::perms::owner_all); !mode) return std::unexpected(mode.error());
    if (auto synced = (*parent)->sync(); !synced) return std::unexpected(to_error(synced.error()));
    there = std::move(*made);
  }
  if (!there) return std::unexpected(to_error(there.error()));
  return std::unique_ptr<StateDirectory>(new StateDirectory(path, std::move(*there)));
}

Result<std::unique_ptr<StateDirectory>> StateDirectory::open_existing(const fs::path& path) {
  auto there = open_posix_directory(path, false);
  if (!there && there.error().error_number == ENOENT) return nullptr;
  if (!there) return std::unexpected(to_error(there.error()));
  return std::unique_ptr<StateDirectory>(new StateDirectory(path, std::move(*there)));
}

Result<std::optional<std::string>> StateDirectory::read(std::string_view name) const {
  const auto path = path_of(name);
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return std::nullopt;
  if (error) return std::unexpected(to_error({error.value(), fmt::format("stat {}", path.string())}));
  const auto mode = status.permissions();
  if ((mode & kOthers) != fs::perms::none) {
    return fail(
        ErrorCode::storage_failed,
        fmt::format("{} has mode {}: others than its owner may read or change it. It is not used. See "
                    "who did, then: chmod 600 {}",
                    path.string(), mode_text(mode), path.string()));
  }
  auto text = read_small_file(*directory_, name);
  if (!text) return std::unexpected(to_error(text.error()));
  return std::move(*text);
}

Result<void> StateDirectory::replace(std::string_view name, std::string_view text) {
  const std::scoped_lock hold(replacing_);
  if (auto done = replace_private_file(*directory_, name, text); !done) {
    return std::unexpected(to_error(done.error()));
  }
  return {};
}

Result<std::unique_ptr<File>> StateDirectory::lock(std::string_view name) {
  auto taken =
      directory_->lock(name, fmt::format("another holdfast, since {}", to_rfc3339(system_clock().wall())));
  if (taken) return std::move(*taken);
  if (taken.error().error_number != EWOULDBLOCK) return std::unexpected(to_error(taken.error()));
  return fail(ErrorCode::busy, fmt::format("{} is in use: {}", path_.string(), taken.error().what));
}

}  // namespace holdfast::server
