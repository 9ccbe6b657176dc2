// What a running server takes anew when it is told so.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "tests/server/served.h"
#include "tests/support/certificate.h"

namespace holdfast::served {
namespace {

using namespace std::chrono_literals;

/// The certificate that the server shows to who comes new.
std::string certificate_of(const Served& served) {
  const cli::Workplace place;
  return cli::shell(place, "python3 -c \"import ssl; print(ssl.get_server_certificate(('127.0.0.1', " +
                               std::to_string(served.port()) + ")))\"")
      .out;
}

TEST(ServeReload, ARenewedCertificateIsShownAndABrokenOneIsNot) {
  Served served;
  EXPECT_EQ(served.end(SIGTERM), 0);
  const auto file = served.directory() / "tls.pem";
  testing::make_certificate(file);
  served.start({"--tls-cert", file.string(), "--tls-key", file.string()});
  const auto first = certificate_of(served);
  ASSERT_TRUE(first.starts_with("-----BEGIN CERTIFICATE-----")) << first;
  EXPECT_EQ(certificate_of(served), first);

  testing::make_certificate(file);
  EXPECT_EQ(certificate_of(served), first) << "it is read when it is told so";
  served.tell(SIGHUP);
  EXPECT_TRUE(within(10s, [&] { return certificate_of(served) != first; }));
  const auto second = certificate_of(served);
  ASSERT_TRUE(second.starts_with("-----BEGIN CERTIFICATE-----")) << second;

  std::ofstream(file) << "half a certificate";
  served.tell(SIGHUP);
  EXPECT_TRUE(within(
      10s, [&] { return served.log().find("the old certificate stays in use") != std::string::npos; }));
  EXPECT_EQ(certificate_of(served), second);
  EXPECT_EQ(served.end(SIGTERM), 0);
}

TEST(ServeReload, KeysAreTakenWithoutBeingTold) {
  Served served;
  const auto key = served.make_key("late", "read");
  Connection connection(served.port(), key);
  EXPECT_TRUE(within(5s, [&] { return connection.get("/v1/whoami").status == 200; }));
  served.tell(SIGHUP);  // where there is no certificate it is harmless
  EXPECT_EQ(connection.get("/v1/whoami").status, 200);
  std::ofstream(served.directory() / "state" / "keys.json") << "spoiled";
  EXPECT_TRUE(within(5s, [&] {
    return served.get("/metrics").body.find("\nholdfast_keys_file_ok 0") != std::string::npos;
  }));
  EXPECT_EQ(connection.get("/v1/whoami").status, 200) << "the keys stay as they were";
  EXPECT_EQ(served.end(SIGTERM), 0);
}

}  // namespace
}  // namespace holdfast::served
