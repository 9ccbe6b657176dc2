// The frame around a snapshot's chunks: docs/journal_format.md, "Snapshots".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"
#include "holdfast/ids.h"
#include "journal/uuid.h"

namespace holdfast::journal {

inline constexpr std::uint32_t kSnapshotFormat = 1;
inline constexpr std::string_view kSnapshotMagic = "HOLDSNAP";
inline constexpr std::string_view kSnapshotEndMagic = "SNAPDONE";
inline constexpr std::string_view kSnapshotTempSuffix = ".tmp";

inline constexpr std::size_t kSnapshotHeaderBytes = 40;
inline constexpr std::size_t kChunkHeadBytes = 12;
inline constexpr std::size_t kDigestBytes = 32;
inline constexpr std::size_t kSnapshotTrailerBytes = 28 + kDigestBytes;
inline constexpr std::size_t kMaxChunkBytes = std::size_t{64} << 20;

struct SnapshotHeader {
  std::uint32_t format = kSnapshotFormat;
  std::uint32_t chunks = 0;
  LedgerUuid ledger{};
  Seq from;
};

struct SnapshotTrailer {
  std::uint32_t chunks = 0;
  Seq smallest;
  Seq largest;
};

void put_header(const SnapshotHeader& header, Bytes& out);
void put_chunk_head(Seq stamp, std::size_t length, Bytes& out);
/// Without the digest that ends it.
void put_trailer(const SnapshotTrailer& trailer, Bytes& out);

/// None where the magic is not there. \pre the bytes are as many as the part has
[[nodiscard]] std::optional<SnapshotHeader> read_header(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<SnapshotTrailer> read_trailer(std::span<const std::byte> bytes);

/// The seq as 20 digits, and back; none where the name is of something else.
[[nodiscard]] std::string snapshot_name(Seq from);
[[nodiscard]] std::optional<Seq> parse_snapshot_name(std::string_view name);

}  // namespace holdfast::journal
