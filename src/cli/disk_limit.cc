#include "cli/disk_limit.h"

#include <cerrno>
#include <chrono>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/posix_file.h"
#include "base/random.h"

namespace holdfast {
namespace {

constexpr std::string_view kName = "disk-limit.tmp";
constexpr std::size_t kPage = 4096;

std::size_t whole_pages(std::size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

IoResult<DiskLimit> measure(File& file, const Bytes& bytes, std::size_t writes) {
  if (auto allocated = file.allocate(bytes.size() * writes); !allocated)
    return std::unexpected(allocated.error());
  if (auto synced = file.sync(); !synced) return std::unexpected(synced.error());
  const auto start = system_clock().monotonic();
  for (std::size_t i = 0; i < writes; ++i) {
    if (auto written = write_all(file, i * bytes.size(), bytes); !written)
      return std::unexpected(written.error());
    if (auto synced = file.sync(); !synced) return std::unexpected(synced.error());
  }
  const std::chrono::duration<double> took = system_clock().monotonic() - start;
  const auto syncs_per_s = static_cast<double>(writes) / took.count();
  return DiskLimit{syncs_per_s * static_cast<double>(bytes.size()), syncs_per_s};
}

}  // namespace

Result<DiskLimit> measure_disk(const std::filesystem::path& directory, std::size_t write_bytes,
                               std::size_t total_bytes) {
  if (write_bytes == 0 || total_bytes == 0) {
    return fail(ErrorCode::invalid_command, "the disk is measured with sizes of 1 byte and more");
  }
  auto place = open_posix_directory(directory, false);
  if (!place) return std::unexpected(to_error(place.error()));
  // A run that was killed leaves its file.
  if (auto removed = (*place)->remove(kName); !removed && removed.error().error_number != ENOENT) {
    return std::unexpected(to_error(removed.error()));
  }
  auto file = (*place)->open(kName, OpenMode::create);
  if (!file) return std::unexpected(to_error(file.error()));

  Bytes bytes(whole_pages(write_bytes));
  system_random().fill(bytes);  // some disks are faster with zeros
  auto limit = measure(**file, bytes, (whole_pages(total_bytes) + bytes.size() - 1) / bytes.size());
  file->reset();
  auto removed = (*place)->remove(kName);
  if (!limit) return std::unexpected(to_error(limit.error()));
  if (!removed) return std::unexpected(to_error(removed.error()));
  return *limit;
}

}  // namespace holdfast
