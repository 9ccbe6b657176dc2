#include "ledger/audit_books.h"

#include <cstring>

namespace holdfast::audit {

std::uint64_t digest_of(const Dates& dates) {
  if (!dates.release_at && !dates.refund_at) return 0;
  const auto mix = [](std::uint64_t value) {
    value = (value ^ (value >> 32)) * 0x9e3779b97f4a7c15;
    return value ^ (value >> 29);
  };
  const auto release =
      dates.release_at ? mix(static_cast<std::uint64_t>(dates.release_at->micros) * 2 + 1) : 0;
  const auto refund = dates.refund_at ? mix(static_cast<std::uint64_t>(dates.refund_at->micros) * 2) : 0;
  return (mix(release + 3 * refund) >> 1) | 1;
}

KeyBook::Record KeyBook::record(std::uint64_t slot) const {
  const auto place = (slot & ((std::uint64_t{1} << kPlaceBits) - 1)) - 1;
  const char* at = blocks_[place / kBlock].get() + place % kBlock;
  std::uint64_t escrow = 0;
  std::memcpy(&escrow, at, sizeof escrow);
  return {{at + 9, static_cast<unsigned char>(at[8])}, EscrowId(escrow)};
}

std::size_t KeyBook::slot_of(std::string_view key, std::uint64_t hash) const {
  const auto mask = slots_.size() - 1;
  for (auto at = static_cast<std::size_t>(hash) & mask;; at = (at + 1) & mask) {
    if (slots_[at] == 0) return at;
    if (slots_[at] >> kPlaceBits == hash >> kPlaceBits && record(slots_[at]).key == key) return at;
  }
}

bool KeyBook::contains(std::string_view key) const {
  return !slots_.empty() && slots_[slot_of(key, keyed_hash(key, secret_).low)] != 0;
}

bool KeyBook::insert(std::string_view key, EscrowId escrow) {
  key = key.substr(0, 255);
  if (size_ * 3 >= slots_.size() * 2) grow();
  const auto hash = keyed_hash(key, secret_).low;
  auto& slot = slots_[slot_of(key, hash)];
  if (slot != 0) return false;
  if (kBlock - used_ < key.size() + 9) {
    blocks_.push_back(std::make_unique<char[]>(kBlock));
    used_ = 0;
  }
  char* at = blocks_.back().get() + used_;
  const auto id = escrow.value();
  std::memcpy(at, &id, sizeof id);
  at[8] = static_cast<char>(key.size());
  std::memcpy(at + 9, key.data(), key.size());
  const auto place = (blocks_.size() - 1) * kBlock + used_;
  slot = ((hash >> kPlaceBits) << kPlaceBits) | (place + 1);
  used_ += key.size() + 9;
  ++size_;
  return true;
}

void KeyBook::grow() {
  std::vector<std::uint64_t> before(slots_.empty() ? 1024 : slots_.size() * 2);
  before.swap(slots_);
  for (const auto slot : before) {
    if (slot == 0) continue;
    const auto key = record(slot).key;
    slots_[slot_of(key, keyed_hash(key, secret_).low)] = slot;
  }
}

}  // namespace holdfast::audit
