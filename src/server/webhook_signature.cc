#include "server/webhook_signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/hash.h"

namespace holdfast::server {

std::string sign_delivery(std::string_view secret, std::int64_t unix_seconds, std::string_view body) {
  const auto text = fmt::format("{}.{}", unix_seconds, body);
  Digest digest{};
  unsigned length = 0;
  const auto* const made =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  HOLDFAST_ASSERT(made != nullptr && length == digest.size(), "OpenSSL has HMAC-SHA256");
  return fmt::format("t={},v1={}", unix_seconds, to_hex(digest));
}

}  // namespace holdfast::server
