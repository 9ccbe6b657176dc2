// What the simulated disk keeps of a file or directory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/disk.h"

namespace holdfast::sim {

inline constexpr std::uint64_t kPage = 4096;
inline constexpr std::uint64_t kSector = 512;

/// A change of a file that no sync has covered.
struct FileChange {
  enum class Kind : std::uint8_t { write, resize };

  Kind kind = Kind::write;
  std::uint64_t offset = 0;  // resize: the new size
  Bytes bytes;
};

struct DirectoryChange {
  enum class Kind : std::uint8_t { create, rename, remove };

  Kind kind = Kind::create;
  std::string name;
  std::string to;
  std::shared_ptr<SimDisk::Node> node;
};

struct SimDisk::Node {
  bool is_directory = false;
  std::string path;

  Bytes durable;
  Bytes visible;
  std::vector<FileChange> changes;
  std::uint64_t allocated = 0;  // writes below this need no space
  std::uint64_t locked_by = 0;  // a process

  std::map<std::string, std::shared_ptr<Node>, std::less<>> durable_entries;
  std::map<std::string, std::shared_ptr<Node>, std::less<>> entries;
  std::vector<DirectoryChange> entry_changes;
};

/// Writes into `into`, which grows where it is too short.
inline void overlay(Bytes& into, std::uint64_t offset, std::span<const std::byte> bytes) {
  const auto end = static_cast<std::size_t>(offset) + bytes.size();
  if (into.size() < end) into.resize(end);
  std::copy(bytes.begin(), bytes.end(), into.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace holdfast::sim
