#include "journal/name_table.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace holdfast::journal {

NameTable::NameTable(const HashSecret& secret) : secret_(secret), order_(ByName{this}) {}

bool NameTable::exists(std::uint32_t number) const {
  const auto* place = places_.find(number);
  return place != nullptr && *place != 0;
}

std::string_view NameTable::name(std::uint32_t number) const {
  const auto* place = places_.find(number);
  if (place == nullptr || *place == 0) return {};
  const char* text = &arena_[*place - 1];
  return {text + 1, static_cast<unsigned char>(*text)};
}

std::optional<std::uint32_t> NameTable::find(std::string_view name) const {
  const auto value = index_.find(keyed_hash(name, secret_));
  if (!value) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::vector<std::uint32_t> NameTable::in_order(std::string_view after, std::size_t limit) const {
  std::vector<std::uint32_t> numbers;
  for (auto it = order_.upper_bound(after); it != order_.end() && numbers.size() < limit; ++it) {
    numbers.push_back(*it);
  }
  return numbers;
}

void NameTable::put(std::uint32_t number, std::string_view name) {
  HOLDFAST_ASSERT(!name.empty() && name.size() <= kMaxName, "a name has 1 to 255 bytes");
  constexpr auto kArenaChunk = decltype(arena_)::kPerChunk;
  if (arena_end_ % kArenaChunk + name.size() + 1 > kArenaChunk) {
    arena_end_ += kArenaChunk - arena_end_ % kArenaChunk;  // no name lies across two chunks
  }
  char* text = &arena_.make(arena_end_);
  *text = static_cast<char>(name.size());
  std::memcpy(text + 1, name.data(), name.size());
  std::uint64_t& place = places_.make(number);
  HOLDFAST_ASSERT(place == 0, "a number gets one name");
  place = arena_end_ + 1;
  arena_end_ += name.size() + 1;
}

void NameTable::add(std::uint32_t number, std::string_view name) {
  put(number, name);
  const auto before = index_.put(keyed_hash(name, secret_), number);
  HOLDFAST_ASSERT(!before, "a name has one number");
  order_.insert(number);
}

void NameTable::remove_last(std::uint32_t number) {
  const auto text = name(number);
  std::uint64_t& place = places_[number];
  HOLDFAST_ASSERT(place + text.size() == arena_end_, "names are taken away last in, first out");
  order_.erase(number);
  index_.erase(keyed_hash(text, secret_));
  arena_end_ = place - 1;
  place = 0;
}

std::uint64_t NameTable::prefix(std::uint32_t number, std::size_t depth) const {
  const auto text = name(number);
  std::uint64_t value = 0;
  if (depth < text.size())
    std::memcpy(&value, text.data() + depth, std::min<std::size_t>(8, text.size() - depth));
  return __builtin_bswap64(value);
}

void NameTable::sort(Prefix* begin, Prefix* end, std::size_t depth) const {
  // Eight characters at a time: comparing whole texts would miss the cache twice at every comparison.
  for (auto* at = begin; at != end; ++at) at->text = prefix(at->number, depth);
  std::sort(begin, end, [](const Prefix& a, const Prefix& b) { return a.text < b.text; });
  for (auto* run = begin; run != end;) {
    auto* next = std::find_if(run, end, [&](const Prefix& p) { return p.text != run->text; });
    if (next - run > 1 && depth < kMaxName) sort(run, next, depth + 8);
    run = next;
  }
}

std::optional<std::uint32_t> NameTable::build(std::uint32_t last) {
  std::vector<Prefix> all;
  for (std::uint64_t number = 1; number <= last; ++number) {
    const auto n = static_cast<std::uint32_t>(number);
    if (!exists(n)) continue;
    if (index_.put(keyed_hash(name(n), secret_), n)) return n;
    all.push_back({0, n});
  }
  sort(all.data(), all.data() + all.size(), 0);
  for (const auto& entry : all) order_.insert(order_.end(), entry.number);
  return std::nullopt;
}

std::uint64_t NameTable::memory_bytes() const {
  constexpr std::uint64_t kNode = 256;  // of the ordered set; leaves are two thirds full or more
  const std::uint64_t order = order_.size() * sizeof(std::uint32_t) * 3 / 2 + kNode;
  return arena_.memory_bytes() + places_.memory_bytes() + index_.memory_bytes() + order;
}

}  // namespace holdfast::journal
