// The real server over an echo, plain or over TLS, and clients of it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "http/server.h"
#include "http/testing/echo.h"
#include "http/testing/wire_client.h"
#include "tests/support/certificate.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::http::testing {

inline constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

/// Its parameter: how clients and server speak.
class ServedEcho : public ::testing::TestWithParam<WireClient::Tls> {
 protected:
  ServedEcho() : certificate_(directory_.path() / "server.pem") {
    if (encrypted()) holdfast::testing::make_certificate(certificate_, "first");
  }
  void start(Limits limits = {}) {
    ServerOptions options;
    if (encrypted()) options.tls = TlsFiles{certificate_.string(), certificate_.string()};
    options.limits = limits;
    auto started = Server::start(std::move(options), echo_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  [[nodiscard]] static bool encrypted() { return GetParam() != WireClient::Tls::none; }
  [[nodiscard]] WireClient client() const { return WireClient(server_->port(), GetParam()); }
  [[nodiscard]] WireClient plain_client() const { return WireClient(server_->port()); }
  /// The server still answers others.
  void expect_it_goes_on() const {
    auto to = client();
    to.send(kGet);
    EXPECT_TRUE(to.read_until("GET /x ").starts_with("HTTP/1.1 200"));
  }

  holdfast::testing::TemporaryDirectory directory_;
  std::filesystem::path certificate_;
  Echo echo_;
  std::unique_ptr<Server> server_;
};

}  // namespace holdfast::http::testing
