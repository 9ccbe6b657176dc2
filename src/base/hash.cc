#include "base/hash.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <cstring>

#include "base/assert.h"

namespace holdfast {
namespace {

// Looking an algorithm up by name takes OpenSSL longer than hashing a short message: done once a process.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  HOLDFAST_ASSERT(algorithm != nullptr, "OpenSSL has SHA-256");
  return algorithm;
}

void sodium_ready() {
  static const int result = sodium_init();
  HOLDFAST_ASSERT(result >= 0, "libsodium starts");
}

const unsigned char* as_uchar(const void* bytes) {
  return static_cast<const unsigned char*>(bytes);
}

}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* const evp = EVP_MD_CTX_new();

  Context() { HOLDFAST_ASSERT(evp != nullptr, "memory for a hash context"); }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  const int ok = EVP_DigestInit_ex2(context_->evp, sha256_algorithm(), nullptr);
  HOLDFAST_ASSERT(ok == 1, "SHA-256 starts");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::begin() {
  // Without an algorithm the context keeps the one it has, which spares its release and lookup.
  const int ok = EVP_DigestInit_ex2(context_->evp, nullptr, nullptr);
  HOLDFAST_ASSERT(ok == 1, "SHA-256 starts anew");
}

void Sha256::update(std::span<const std::byte> bytes) {
  const int ok = EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
  HOLDFAST_ASSERT(ok == 1, "SHA-256 takes bytes between begin and finish");
}

Digest Sha256::finish() {
  Digest digest;
  const int ok = EVP_DigestFinal_ex(context_->evp, digest.data(), nullptr);
  HOLDFAST_ASSERT(ok == 1, "SHA-256 finishes once after a begin");
  return digest;
}

Digest sha256(std::span<const std::byte> bytes) {
  thread_local Sha256 hasher;
  hasher.begin();
  hasher.update(bytes);
  return hasher.finish();
}

std::string to_hex(const Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const auto byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

Hash128 keyed_hash(std::string_view text, const HashSecret& secret) {
  static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(Hash128));
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == sizeof(HashSecret));
  sodium_ready();
  unsigned char bytes[sizeof(Hash128)];
  crypto_shorthash_siphashx24(bytes, as_uchar(text.data()), text.size(), secret.data());
  Hash128 hash;
  std::memcpy(&hash.low, bytes, sizeof hash.low);
  std::memcpy(&hash.high, bytes + sizeof hash.low, sizeof hash.high);
  return hash;
}

std::uint64_t stable_hash(std::string_view bytes) {
  static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t));
  constexpr unsigned char kPublicKey[crypto_shorthash_KEYBYTES] = {};
  sodium_ready();
  unsigned char out[crypto_shorthash_BYTES];
  crypto_shorthash(out, as_uchar(bytes.data()), bytes.size(), kPublicKey);
  std::uint64_t hash = 0;
  std::memcpy(&hash, out, sizeof hash);
  return hash;
}

}  // namespace holdfast
