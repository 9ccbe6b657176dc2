// A server's certificate and key, and what it speaks with them: TLS 1.2 and newer.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "holdfast/result.h"

namespace holdfast::http {

/// PEM files.
struct TlsFiles {
  std::string certificate_chain;  // the server's own certificate first
  std::string key;                // without a passphrase
};

/// Reads the files; the connections made with what is returned keep it alive.
/// Errors: `invalid_command`, naming the file, what is wrong with it and what to do.
[[nodiscard]] Result<std::shared_ptr<SSL_CTX>> load_tls(const TlsFiles& files);

/// What OpenSSL last complained about in this thread, in its words or the system's; its queue of complaints
/// is then empty.
[[nodiscard]] std::string last_tls_error();

}  // namespace holdfast::http
