// All names and bytes under a directory as one hash: two that are equal prove that nothing was changed.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace holdfast::testing {

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::string sha256_of(std::string_view text) {
  return to_hex(sha256(std::as_bytes(std::span(text.data(), text.size()))));
}

/// But for `LOCK`, which names who opened it last.
inline std::string digest_of(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::string text;
  for (const auto& path : paths) {
    text += path.lexically_relative(directory).string() + '\n';
    if (std::filesystem::is_regular_file(path) && path.filename() != "LOCK")
      text += sha256_of(bytes_of(path));
  }
  return sha256_of(text);
}

}  // namespace holdfast::testing
