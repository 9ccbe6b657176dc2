#include "ledger/audit_books.h"

#include <fmt/format.h>

#include <cstring>

#include "base/assert.h"

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

std::string Books::name(AccountId id) const {
  const auto* account = accounts.find(id.value());
  if (account == nullptr || !account->known) return fmt::format("number {}", id.value());
  return *account_texts.find(id.value());
}

void Books::add_up() {
  of_escrows = {};
  escrows.for_each_page([&](std::uint64_t first) {
    const auto* page = escrows.find(first);
    for (std::uint64_t i = 0; i < escrows.kPage; ++i) of_escrows.add(page[i], page[i].locked(), 1);
  });
  added_up = true;
}

KeyBook::Record KeyBook::record(std::uint64_t place) const {
  const char* at = blocks_[place / kBlock].text.get() + place % kBlock;
  std::uint64_t escrow = 0;
  std::memcpy(&escrow, at, sizeof escrow);
  return {{at + kFront, static_cast<unsigned char>(at[kFront - 1])}, EscrowId(escrow)};
}

std::size_t KeyBook::slot_of(std::string_view key, std::uint64_t hash) const {
  const auto mask = slots_.size() - 1;
  for (auto at = static_cast<std::size_t>(hash) & mask;; at = (at + 1) & mask) {
    const auto slot = slots_[at];
    if (slot == 0) return at;
    if (slot >> kPlaceBits == hash >> kPlaceBits && record((slot & kPlaceMask) - 1).key == key) return at;
  }
}

bool KeyBook::contains(std::string_view key) const {
  return !slots_.empty() && slots_[slot_of(key, keyed_hash(key, secret_).low)] != 0;
}

bool KeyBook::insert(std::string_view key, EscrowId escrow) {
  HOLDFAST_ASSERT(key.size() < 256, "keys are at most 255 bytes");
  if (size_ * 3 >= slots_.size() * 2) grow();
  const auto hash = keyed_hash(key, secret_).low;
  auto& slot = slots_[slot_of(key, hash)];
  if (slot != 0) return false;
  if (blocks_.empty() || kBlock - blocks_.back().used < key.size() + kFront) {
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(kBlock), 0});
  }
  auto& block = blocks_.back();
  char* at = block.text.get() + block.used;
  const auto id = escrow.value();
  std::memcpy(at, &id, sizeof id);
  at[kFront - 1] = static_cast<char>(key.size());
  std::memcpy(at + kFront, key.data(), key.size());
  slot = slot_with(hash, (blocks_.size() - 1) * kBlock + block.used);
  block.used += key.size() + kFront;
  ++size_;
  return true;
}

void KeyBook::grow() {
  slots_.assign(slots_.empty() ? 1024 : slots_.size() * 2, 0);
  for_each_place([&](std::uint64_t place) {
    const auto key = record(place).key;
    const auto hash = keyed_hash(key, secret_).low;
    const auto mask = slots_.size() - 1;
    auto at = static_cast<std::size_t>(hash) & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = slot_with(hash, place);
  });
}

}  // namespace holdfast::audit
