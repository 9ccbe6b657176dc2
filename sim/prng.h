// The simulator's only source of chance: xoshiro256** seeded by splitmix64, with integer ratios. The
// distributions of the standard library differ between libraries, and a seed must mean the same run
// everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/random.h"

namespace holdfast::sim {

__extension__ using WideUnsigned = unsigned __int128;

class Prng {
 public:
  explicit Prng(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      auto mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
      word = mixed ^ (mixed >> 31);
    }
  }

  std::uint64_t next() {
    const auto rotl = [](std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); };
    const auto result = rotl(state_[1] * 5, 7) * 9;
    const auto shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotl(state_[3], 45);
    return result;
  }

  /// 0 to bound - 1. \pre bound > 0
  std::uint64_t below(std::uint64_t bound) {
    HOLDFAST_ASSERT(bound > 0, "a draw needs something to choose from");
    return static_cast<std::uint64_t>((static_cast<WideUnsigned>(next()) * bound) >> 64);
  }
  /// Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    HOLDFAST_ASSERT(low <= high, "a range must not be empty");
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  /// True `of_million` times in a million.
  bool chance(std::uint64_t of_million) { return below(1'000'000) < of_million; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  template <class Container>
  const auto& pick(const Container& from) {
    return from[static_cast<std::size_t>(below(from.size()))];
  }
  /// An index, each as likely as its weight. \pre some weight > 0
  std::size_t weighted(std::span<const std::uint32_t> weights) {
    std::uint64_t sum = 0;
    for (auto weight : weights) sum += weight;
    auto left = below(sum);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (left < weights[i]) return i;
      left -= weights[i];
    }
    std::unreachable();
  }
  /// A generator of its own for a part of the run, so that parts do not disturb each other's draws.
  Prng fork() { return Prng(next()); }

 private:
  std::uint64_t state_[4];
};

/// The seam to randomness, fed from the seed.
class SimRandom final : public Random {
 public:
  explicit SimRandom(Prng prng) : prng_(prng) {}
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = static_cast<std::byte>(prng_.next());
  }

 private:
  Prng prng_;
};

}  // namespace holdfast::sim
