// Hashes: SHA-256 (OpenSSL) for the chain and checksums, SipHash-2-4 (libsodium) for lookups.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace holdfast {

using Digest = std::array<std::uint8_t, 32>;

/// A reusable hasher; not thread-safe. `begin` starts anew.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void begin();
  void update(std::span<const std::byte> bytes);
  [[nodiscard]] Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

[[nodiscard]] Digest sha256(std::span<const std::byte> bytes);
[[nodiscard]] std::string to_hex(const Digest& digest);

/// A 128-bit keyed hash: without the secret nobody can make two keys meet.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
};
using HashSecret = std::array<std::uint8_t, 16>;
[[nodiscard]] Hash128 keyed_hash(std::string_view text, const HashSecret& secret);

/// 64 bits under a fixed, public key: the same everywhere and for ever, for digests that are kept (request
/// fields).
[[nodiscard]] std::uint64_t stable_hash(std::string_view bytes);

}  // namespace holdfast
