#include "base/file.h"

#include <cerrno>
#include <system_error>

#include "base/assert.h"

namespace holdfast {

Error to_error(const IoError& error) {
  const bool full = error.error_number == ENOSPC || error.error_number == EDQUOT;
  Error result;
  result.code = full ? ErrorCode::storage_full : ErrorCode::storage_failed;
  result.message = error.what + ": " + std::generic_category().message(error.error_number);
  return result;
}

IoResult<void> write_all(File& file, std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = file.write_at(offset, bytes);
    if (!written) return std::unexpected(written.error());
    HOLDFAST_ASSERT(*written >= 1 && *written <= bytes.size(), "a write takes at least one byte, or fails");
    offset += *written;
    bytes = bytes.subspan(*written);
  }
  return {};
}

IoResult<std::size_t> read_all(const File& file, std::uint64_t offset, std::span<std::byte> out) {
  std::size_t total = 0;
  while (total < out.size()) {
    const auto n = file.read_at(offset + total, out.subspan(total));
    if (!n) return std::unexpected(n.error());
    HOLDFAST_ASSERT(*n <= out.size() - total, "a read gives at most what was asked");
    if (*n == 0) break;
    total += *n;
  }
  return total;
}

}  // namespace holdfast
