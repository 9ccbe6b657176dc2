// What becomes durable, and what a crash, a failed sync or time leaves of it.
#include <algorithm>

#include "sim/disk.h"
#include "sim/disk_node.h"

namespace holdfast::sim {
namespace {

void apply_whole(Bytes& durable, const FileChange& change) {
  if (change.kind == FileChange::Kind::resize) {
    durable.resize(static_cast<std::size_t>(change.offset));
  } else {
    overlay(durable, change.offset, change.bytes);
  }
}

/// How much of what was not synced a crash leaves: most often a part, now and then all or nothing.
enum class Survival : std::uint8_t { parts, all, nothing };

Survival draw_survival(Prng& prng) {
  const auto draw = prng.below(8);
  return draw == 0 ? Survival::all : draw == 1 ? Survival::nothing : Survival::parts;
}

}  // namespace

void SimDisk::sync_file(Node& file) {
  for (const auto& change : file.changes) {
    const bool can_miss = misdirect_next_ && change.kind == FileChange::Kind::write &&
                          change.bytes.size() >= kPage && change.offset % kPage == 0 &&
                          file.durable.size() >= 2 * kPage;
    if (!can_miss) {
      apply_whole(file.durable, change);
      continue;
    }
    misdirect(file, change.bytes, change.offset);
  }
  file.changes.clear();
}

void SimDisk::misdirect(Node& own, const Bytes& bytes, std::uint64_t offset) {
  auto files = synced_files([](const Node& file) { return file.durable.size() >= kPage; });
  auto& file = prng_.one_in(2) || files.empty() ? own : *prng_.pick(files);
  const auto pages = file.durable.size() / kPage;
  auto place = prng_.below(pages);
  if (&file == &own && place == offset / kPage) place = (place + 1) % pages;
  const auto at = static_cast<std::size_t>(place * kPage);
  const auto n = std::min(bytes.size(), file.durable.size() - at);
  overlay(file.durable, at, std::span(bytes).first(n));
  misdirect_next_ = false;
  counts_.add(Fault::misdirected_write);
}

std::vector<SimDisk::Node*> SimDisk::synced_files(const std::function<bool(const Node&)>& choose) const {
  std::vector<Node*> files;
  const std::function<void(const Node&)> collect = [&](const Node& node) {
    for (const auto& [name, child] : node.durable_entries) {
      if (child->is_directory) {
        collect(*child);
      } else if (choose(*child)) {
        files.push_back(child.get());
      }
    }
  };
  collect(*root_);
  return files;
}

void SimDisk::fail_sync(Node& file) {
  // Some of the pages may have reached the disk. The rest are marked clean: no later sync writes them.
  crash_file(file);
  // The cache may still show them, or may have dropped them already.
  if (prng_.one_in(2)) file.visible = file.durable;
}

void SimDisk::restart() {
  if (!crashed_) counts_.add(Fault::crash);
  crash_directory(*root_);
  crashed_ = false;
  misdirect_next_ = false;
  new_process();
}

void SimDisk::crash_directory(Node& directory) {
  const auto survival = draw_survival(prng_);
  auto& entries = directory.durable_entries;
  for (const auto& change : directory.entry_changes) {
    const bool kept = survival == Survival::all || (survival == Survival::parts && prng_.below(2) == 0);
    switch (change.kind) {
      case DirectoryChange::Kind::create:
        if (kept) entries.insert_or_assign(change.name, change.node);
        if (!kept) counts_.add(Fault::lost_create);
        break;
      case DirectoryChange::Kind::rename:
        if (kept) {
          entries.erase(change.name);
          entries.insert_or_assign(change.to, change.node);
        } else {
          counts_.add(Fault::lost_rename);
        }
        break;
      case DirectoryChange::Kind::remove:
        if (kept) entries.erase(change.name);
        if (!kept) counts_.add(Fault::lost_remove);
        break;
    }
  }
  directory.entry_changes.clear();
  directory.entries = entries;
  for (auto& [name, node] : entries) {
    node->path = directory.path.empty() ? name : directory.path + "/" + name;
    if (node->is_directory) {
      crash_directory(*node);
    } else {
      crash_file(*node);
      node->visible = node->durable;
      node->allocated = std::min<std::uint64_t>(node->allocated, node->durable.size());
      node->locked_by = 0;
    }
  }
}

void SimDisk::crash_file(Node& file) {
  const auto survival = draw_survival(prng_);
  bool lost_before = false;
  for (std::size_t i = 0; i < file.changes.size(); ++i) {
    if (survival == Survival::all) {
      apply_whole(file.durable, file.changes[i]);
    } else if (survival == Survival::nothing) {
      counts_.add(Fault::lost_page);
    } else {
      apply_change_at_crash(file, i, lost_before);
    }
  }
  file.changes.clear();
}

void SimDisk::apply_change_at_crash(Node& file, std::size_t index, bool& lost_before) {
  const auto& change = file.changes[index];
  if (change.kind == FileChange::Kind::resize) {
    if (prng_.below(2) == 0) {
      apply_whole(file.durable, change);
    } else if (change.offset < file.durable.size()) {
      counts_.add(Fault::lost_truncate);
    }
    return;
  }
  const std::span<const std::byte> bytes(change.bytes);
  std::uint64_t at = 0;
  while (at < bytes.size()) {
    const auto offset = change.offset + at;
    const auto n = std::min<std::uint64_t>(kPage - offset % kPage, bytes.size() - at);
    const auto part = bytes.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(n));
    const auto draw = prng_.below(20);
    if (draw < 9) {
      if (lost_before) counts_.add(Fault::reordered_page);
      overlay(file.durable, offset, part);
    } else if (draw < 17) {
      lost_before = true;
      counts_.add(Fault::lost_page);
      if (offset + n > file.durable.size() && prng_.below(2) == 0) {
        file.durable.resize(static_cast<std::size_t>(offset + n));
        counts_.add(Fault::grown_before_data);
      }
    } else {
      apply_sectors(file, offset, part);
    }
    at += n;
  }
}

void SimDisk::apply_sectors(Node& file, std::uint64_t offset, std::span<const std::byte> bytes) {
  std::uint64_t at = 0;
  while (at < bytes.size()) {
    const auto begin = offset + at;
    const auto n = std::min<std::uint64_t>(kSector - begin % kSector, bytes.size() - at);
    const auto part = bytes.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(n));
    const auto draw = prng_.below(10);
    if (draw < 5) {
      overlay(file.durable, begin, part);
    } else if (draw < 7) {
      counts_.add(Fault::lost_sector);
    } else if (draw < 9) {
      counts_.add(Fault::half_sector);
      overlay(file.durable, begin, part.first((part.size() + 1) / 2));
    } else {
      counts_.add(Fault::garbage_sector);
      Bytes garbage(part.size());
      for (auto& byte : garbage) byte = static_cast<std::byte>(prng_.next());
      overlay(file.durable, begin, garbage);
    }
    at += n;
  }
}

std::optional<SimDisk::Rot> SimDisk::rot(const std::function<bool(std::string_view path)>& choose,
                                         std::optional<std::uint64_t> page) {
  const auto files =
      synced_files([&](const Node& file) { return !file.durable.empty() && choose(file.path); });
  if (files.empty()) return std::nullopt;
  auto& file = *prng_.pick(files);
  const auto pages = (file.durable.size() + kPage - 1) / kPage;
  const auto begin = static_cast<std::size_t>(page.value_or(prng_.below(pages) * kPage));
  const auto length = std::min<std::size_t>(kPage, file.durable.size() - begin);
  // Most pages are zeros, or end in them, and rot there tells little: most often it hits what is before
  // those.
  auto used = length;
  if (!prng_.one_in(4)) {
    while (used > 1 && file.durable[begin + used - 1] == std::byte{0}) --used;
  }
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < length; ++i) {
    hash = (hash ^ static_cast<std::uint64_t>(file.durable[begin + i])) * 0x100000001b3;
  }
  Prng from_content(hash);
  const auto offset = begin + static_cast<std::size_t>(from_content.below(used));
  file.durable[offset] ^= static_cast<std::byte>(1U << from_content.below(8));
  if (offset < file.visible.size()) file.visible[offset] = file.durable[offset];
  counts_.add(Fault::bit_rot);
  return Rot{file.path, offset};
}

}  // namespace holdfast::sim
