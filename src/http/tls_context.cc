#include "http/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string_view>
#include <system_error>

namespace holdfast::http {
namespace {

/// Where it would ask a person on the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

/// Of the protocols that a client offers, HTTP/1.1, where it offers any.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  static constexpr std::string_view kHttp = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const auto* const ours = reinterpret_cast<const unsigned char*>(kHttp.data());
  if (SSL_select_next_proto(&chosen, out_size, ours, static_cast<unsigned>(kHttp.size()), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::string last_tls_error() {
  // The first complaint is the cause; those after it say what could not be done for it.
  const auto code = ERR_peek_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

Result<std::shared_ptr<SSL_CTX>> load_tls(const TlsFiles& files) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) return fail(ErrorCode::storage_failed, "TLS cannot be set up: " + last_tls_error());
  SSL_CTX* const tls = context.get();
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(tls, "ECDHE+AESGCM:ECDHE+CHACHA20");  // of TLS 1.2: forward secret, authenticated
  // A client that goes without a goodbye is one that has gone: what it asked for ends with its own length.
  SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Buffers only while they hold something: thousands of idle connections are to be cheap.
  SSL_CTX_set_mode(
      tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);  // clients keep tickets
  SSL_CTX_set_num_tickets(tls, 1);
  SSL_CTX_set_alpn_select_cb(tls, &choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(tls, &no_passphrase);

  if (SSL_CTX_use_certificate_chain_file(tls, files.certificate_chain.c_str()) != 1) {
    return fail(
        ErrorCode::invalid_command,
        fmt::format("the TLS certificate {} cannot be used: {}. It is to be a PEM file that begins with "
                    "the server's own certificate, and that the server may read",
                    files.certificate_chain, last_tls_error()));
  }
  const auto mismatch = [&files] {
    return fail(
        ErrorCode::invalid_command,
        fmt::format("the TLS key {} does not belong to the certificate {}: give the two that were made "
                    "together",
                    files.key, files.certificate_chain));
  };
  if (SSL_CTX_use_PrivateKey_file(tls, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) return mismatch();
    return fail(ErrorCode::invalid_command,
                fmt::format("the TLS key {} cannot be used: {}. It is to be a PEM file without a passphrase, "
                            "and that the server may read",
                            files.key, last_tls_error()));
  }
  if (SSL_CTX_check_private_key(tls) != 1) return mismatch();
  return context;
}

}  // namespace holdfast::http
