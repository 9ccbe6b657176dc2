#include "journal/key_index.h"

#include <cstring>

#include "base/assert.h"
#include "journal/wide.h"

namespace holdfast::journal {
namespace {

constexpr std::size_t kSlot = KeyIndex::kSlotBytes;

std::uint64_t value_at(const std::byte* slot) {
  std::uint64_t value = 0;
  std::memcpy(&value, slot + 16, 5);
  return value;
}

void set_value(std::byte* slot, std::uint64_t value) {
  std::memcpy(slot + 16, &value, 5);
}

std::uint64_t high_at(const std::byte* slot) {
  std::uint64_t high = 0;
  std::memcpy(&high, slot, 8);
  return high;
}

std::uint64_t low_at(const std::byte* slot) {
  std::uint64_t low = 0;
  std::memcpy(&low, slot + 8, 8);
  return low;
}

bool before(const std::byte* slot, const Hash128& hash) {
  const auto high = high_at(slot);
  return high < hash.high || (high == hash.high && low_at(slot) < hash.low);
}

}  // namespace

KeyIndex::KeyIndex(unsigned shard_bits)
    : shard_shift_(64 - shard_bits), shards_(std::size_t{1} << shard_bits) {}

std::size_t KeyIndex::home_of(std::uint64_t high, std::size_t homes) const {
  const std::uint64_t rest = high << (64 - shard_shift_);
  return static_cast<std::size_t>((static_cast<UnsignedWide>(rest) * homes) >> 64);
}

KeyIndex::Place KeyIndex::look(const Shard& shard, const Hash128& hash) const {
  const std::size_t end = slots_for(shard.homes);
  for (std::size_t slot = home_of(hash.high, shard.homes); slot < end; ++slot) {
    const std::byte* at = shard.slots.get() + slot * kSlot;
    if (value_at(at) == 0 || !before(at, hash)) {
      return {slot, value_at(at) != 0 && high_at(at) == hash.high && low_at(at) == hash.low};
    }
  }
  return {end, false};
}

std::optional<std::uint64_t> KeyIndex::find(const Hash128& hash) const {
  const Shard& shard = shards_[shard_of(hash)];
  if (shard.count == 0) return std::nullopt;
  const Place place = look(shard, hash);
  if (!place.found) return std::nullopt;
  return value_at(shard.slots.get() + place.slot * kSlot);
}

std::optional<std::uint64_t> KeyIndex::put(const Hash128& hash, std::uint64_t value) {
  HOLDFAST_ASSERT(value > 0 && value <= kMaxValue, "a value of the key index has 40 bits and is not 0");
  const std::size_t index = shard_of(hash);
  Shard& shard = shards_[index];
  if (shard.homes == 0) rebuild(shard, first_homes(index));
  for (;;) {
    const Place place = look(shard, hash);
    std::byte* const at = shard.slots.get() + place.slot * kSlot;
    if (place.found) {
      const auto old = value_at(at);
      set_value(at, value);
      return old;
    }
    const std::size_t end = slots_for(shard.homes);
    std::size_t free = place.slot;
    while (free < end && value_at(shard.slots.get() + free * kSlot) != 0) ++free;
    if (free == end || (shard.count + std::size_t{1}) * 8 > std::size_t{shard.homes} * 7) {
      rebuild(shard, shard.homes + shard.homes / 4);
      continue;
    }
    std::memmove(at + kSlot, at, (free - place.slot) * kSlot);
    std::memcpy(at, &hash.high, 8);
    std::memcpy(at + 8, &hash.low, 8);
    set_value(at, value);
    ++shard.count;
    ++size_;
    return std::nullopt;
  }
}

void KeyIndex::erase(const Hash128& hash) {
  Shard& shard = shards_[shard_of(hash)];
  HOLDFAST_ASSERT(shard.count > 0, "what is erased is there");
  const Place place = look(shard, hash);
  HOLDFAST_ASSERT(place.found, "what is erased is there");
  std::byte* const slots = shard.slots.get();
  const std::size_t end = slots_for(shard.homes);
  std::size_t last = place.slot;  // those after it that were pushed on move back
  while (last + 1 < end && value_at(slots + (last + 1) * kSlot) != 0 &&
         home_of(high_at(slots + (last + 1) * kSlot), shard.homes) <= last) {
    ++last;
  }
  std::memmove(slots + place.slot * kSlot, slots + (place.slot + 1) * kSlot, (last - place.slot) * kSlot);
  std::memset(slots + last * kSlot, 0, kSlot);
  --shard.count;
  --size_;
}

std::uint32_t KeyIndex::first_homes(std::size_t shard) const {
  // Shards begin at different sizes, so that they do not all grow in the same moment.
  return 16 + static_cast<std::uint32_t>(shard % 4);
}

void KeyIndex::rebuild(Shard& shard, std::size_t homes) {
  std::vector<std::byte> entries;
  entries.reserve(shard.count * kSlot);
  const std::size_t end = shard.homes == 0 ? 0 : slots_for(shard.homes);
  for (std::size_t slot = 0; slot < end; ++slot) {
    const std::byte* at = shard.slots.get() + slot * kSlot;
    if (value_at(at) != 0) entries.insert(entries.end(), at, at + kSlot);
  }
  for (;; homes += homes / 4) {
    Shard bigger;
    bigger.homes = static_cast<std::uint32_t>(homes);
    bigger.slots = std::make_unique<std::byte[]>(slots_for(homes) * kSlot);
    if (!fill(bigger, entries.data(), shard.count)) continue;
    shard = std::move(bigger);
    return;
  }
}

bool KeyIndex::fill(Shard& shard, const std::byte* entries, std::size_t count) const {
  const std::size_t end = slots_for(shard.homes);
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* entry = entries + i * kSlot;
    const std::size_t slot = std::max(next, home_of(high_at(entry), shard.homes));
    if (slot >= end) return false;
    std::memcpy(shard.slots.get() + slot * kSlot, entry, kSlot);
    next = slot + 1;
  }
  shard.count = static_cast<std::uint32_t>(count);
  return true;
}

std::uint64_t KeyIndex::memory_bytes() const {
  std::uint64_t bytes = shards_.capacity() * sizeof(Shard);
  for (const auto& shard : shards_) {
    if (shard.homes != 0) bytes += slots_for(shard.homes) * kSlot + 16;  // 16: what the allocator adds
  }
  return bytes;
}

void KeyIndex::save_shard(std::size_t index, ByteWriter& out) const {
  const Shard& shard = shards_[index];
  out.u32_fixed(shard.count);
  const std::size_t end = shard.homes == 0 ? 0 : slots_for(shard.homes);
  for (std::size_t slot = 0; slot < end; ++slot) {
    const std::byte* at = shard.slots.get() + slot * kSlot;
    if (value_at(at) != 0) out.raw({at, kSlot});
  }
}

bool KeyIndex::load_shard(std::size_t index, ByteReader& in) {
  const std::size_t count = in.u32_fixed();
  const auto entries = in.raw(count * kSlot);
  Shard& shard = shards_[index];
  if (!in.ok() || in.left() != 0 || shard.count != 0) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* entry = entries.data() + i * kSlot;
    const Hash128 hash{.low = low_at(entry), .high = high_at(entry)};
    if (value_at(entry) == 0 || shard_of(hash) != index) return false;
    if (i > 0 && !before(entry - kSlot, hash)) return false;
  }
  if (count == 0) return true;
  std::size_t homes = first_homes(index);
  while (count * 8 > homes * 7) homes += homes / 4;
  for (;; homes += homes / 4) {
    Shard filled;
    filled.homes = static_cast<std::uint32_t>(homes);
    filled.slots = std::make_unique<std::byte[]>(slots_for(homes) * kSlot);
    if (!fill(filled, entries.data(), count)) continue;
    shard = std::move(filled);
    size_ += count;
    return true;
  }
}

}  // namespace holdfast::journal
