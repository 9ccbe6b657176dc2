// What the disk itself could take: the yardstick that `holdfast bench` is measured against.
#pragma once

#include <cstddef>
#include <filesystem>

#include "holdfast/result.h"

namespace holdfast {

struct DiskLimit {
  double bytes_per_s = 0;
  double syncs_per_s = 0;
};

/// Writes a file of `total_bytes` in the directory, `write_bytes` at a time, one after another, with a sync
/// after each, as the journal does with its frames but without any work between; and removes it. The space is
/// taken before the clock starts. Both are rounded up to whole pages of 4096 bytes.
///
/// Errors: `invalid_command` for sizes of 0, `storage_full`, `storage_failed`.
[[nodiscard]] Result<DiskLimit> measure_disk(const std::filesystem::path& directory, std::size_t write_bytes,
                                             std::size_t total_bytes);

}  // namespace holdfast
