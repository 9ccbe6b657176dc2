// From a keyed hash of 128 bits to a number of 40 bits, in 21 bytes a slot: where the command of a key is,
// and which number a name has. The texts are not kept: without the secret nobody can make two of them meet.
//
// Split into shards by the hash. Each is an open table in the order of hashes (so a search that finds nothing
// ends early, and a bigger table is filled in one sweep) and grows by a quarter on its own: the load stays
// between 0.7 and 0.875, and no growth takes longer than one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"

namespace holdfast::journal {

class KeyIndex {
 public:
  static constexpr std::size_t kSlotBytes = 21;
  static constexpr std::uint64_t kMaxValue = (std::uint64_t{1} << 40) - 1;

  /// \param shard_bits  2^shard_bits shards
  explicit KeyIndex(unsigned shard_bits);

  [[nodiscard]] std::optional<std::uint64_t> find(const Hash128& hash) const;
  /// Puts a value in place, or another in its place. Returns the one before, if any. \pre 0 < value <=
  /// kMaxValue
  std::optional<std::uint64_t> put(const Hash128& hash, std::uint64_t value);
  /// \pre it is there
  void erase(const Hash128& hash);

  /// Where a search for the hash begins, to fetch ahead; may be nullptr.
  [[nodiscard]] const void* home(const Hash128& hash) const {
    const Shard& shard = shards_[shard_of(hash)];
    return shard.slots.get() + home_of(hash.high, shard.homes) * kSlotBytes;
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::size_t shard_count() const { return shards_.size(); }
  [[nodiscard]] std::size_t shard_of(const Hash128& hash) const {
    return static_cast<std::size_t>(hash.high >> shard_shift_);
  }
  [[nodiscard]] std::uint64_t memory_bytes() const;

  /// The entries of a shard in the order of hashes, 21 bytes each: high, low, value.
  void save_shard(std::size_t shard, ByteWriter& out) const;
  /// Replaces an empty shard. False where the bytes are not what save_shard writes for it.
  [[nodiscard]] bool load_shard(std::size_t shard, ByteReader& in);

 private:
  struct Shard {
    std::unique_ptr<std::byte[]> slots;
    std::uint32_t homes = 0;  // where a search can begin; a few slots more follow for what is pushed on
    std::uint32_t count = 0;
  };
  struct Place {
    std::size_t slot = 0;
    bool found = false;
  };

  [[nodiscard]] static std::size_t slots_for(std::size_t homes) { return homes + 32 + homes / 128; }
  [[nodiscard]] std::size_t home_of(std::uint64_t high, std::size_t homes) const;
  [[nodiscard]] Place look(const Shard& shard, const Hash128& hash) const;
  [[nodiscard]] std::uint32_t first_homes(std::size_t shard) const;
  void rebuild(Shard& shard, std::size_t homes);
  [[nodiscard]] bool fill(Shard& shard, const std::byte* entries, std::size_t count) const;

  unsigned shard_shift_;
  std::vector<Shard> shards_;
  std::uint64_t size_ = 0;
};

}  // namespace holdfast::journal
