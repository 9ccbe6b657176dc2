#include "journal/snapshot_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace holdfast::journal {
namespace {

void put_magic(std::string_view magic, ByteWriter& writer) {
  writer.raw(std::as_bytes(std::span(magic.data(), magic.size())));
}

bool take_magic(std::string_view magic, ByteReader& reader) {
  const auto bytes = reader.raw(magic.size());
  return reader.ok() && std::ranges::equal(bytes, std::as_bytes(std::span(magic.data(), magic.size())));
}

}  // namespace

void put_header(const SnapshotHeader& header, Bytes& out) {
  ByteWriter writer(out);
  put_magic(kSnapshotMagic, writer);
  writer.u32_fixed(header.format);
  writer.u32_fixed(header.chunks);
  writer.raw(std::as_bytes(std::span(header.ledger)));
  writer.u64_fixed(header.from.value());
}

void put_chunk_head(Seq stamp, std::size_t length, Bytes& out) {
  ByteWriter writer(out);
  writer.u64_fixed(stamp.value());
  writer.u32_fixed(static_cast<std::uint32_t>(length));
}

void put_trailer(const SnapshotTrailer& trailer, Bytes& out) {
  ByteWriter writer(out);
  put_magic(kSnapshotEndMagic, writer);
  writer.u32_fixed(trailer.chunks);
  writer.u64_fixed(trailer.smallest.value());
  writer.u64_fixed(trailer.largest.value());
}

std::optional<SnapshotHeader> read_header(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  if (!take_magic(kSnapshotMagic, reader)) return std::nullopt;
  SnapshotHeader header;
  header.format = reader.u32_fixed();
  header.chunks = reader.u32_fixed();
  const auto ledger = reader.raw(header.ledger.size());
  std::ranges::copy(ledger, std::as_writable_bytes(std::span(header.ledger)).begin());
  header.from = Seq(reader.u64_fixed());
  return header;
}

std::optional<SnapshotTrailer> read_trailer(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  if (!take_magic(kSnapshotEndMagic, reader)) return std::nullopt;
  SnapshotTrailer trailer;
  trailer.chunks = reader.u32_fixed();
  trailer.smallest = Seq(reader.u64_fixed());
  trailer.largest = Seq(reader.u64_fixed());
  return trailer;
}

std::string snapshot_name(Seq from) {
  return fmt::format("{:020}", from.value());
}

std::optional<Seq> parse_snapshot_name(std::string_view name) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (name.size() != 20 || error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return Seq(value);
}

}  // namespace holdfast::journal
