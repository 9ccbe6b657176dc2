#include "server/listen_address.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

struct Case {
  std::string_view text;
  std::string_view address;
  std::uint16_t port;
  bool loopback;
  std::string_view url;
};

TEST(ListenAddress, WhatIsReachedFromOutsideIsToldFromWhatIsNot) {
  constexpr Case kCases[] = {
      {"127.0.0.1:7420", "127.0.0.1", 7420, true, "http://127.0.0.1:7420"},
      {"127.9.8.7:0", "127.9.8.7", 0, true, "http://127.9.8.7:0"},
      {"localhost:80", "127.0.0.1", 80, true, "http://127.0.0.1:80"},
      {"[::1]:7420", "::1", 7420, true, "http://[::1]:7420"},
      {"[::ffff:127.0.0.1]:7420", "::ffff:127.0.0.1", 7420, true, "http://[::ffff:127.0.0.1]:7420"},
      {"0.0.0.0:7420", "0.0.0.0", 7420, false, "http://0.0.0.0:7420"},
      {"[::]:7420", "::", 7420, false, "http://[::]:7420"},
      {"10.0.0.1:65535", "10.0.0.1", 65'535, false, "http://10.0.0.1:65535"},
  };
  for (const auto& each : kCases) {
    const auto parsed = parse_listen_address(each.text);
    ASSERT_TRUE(parsed.has_value()) << each.text;
    EXPECT_EQ(parsed->address, each.address);
    EXPECT_EQ(parsed->port, each.port);
    EXPECT_EQ(parsed->loopback, each.loopback) << each.text;
    EXPECT_EQ(parsed->url(false, parsed->port), each.url);
  }
}

TEST(ListenAddress, AnythingElseIsRefusedWithAReason) {
  for (const std::string_view text :
       {"", "7420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1",
        "::1:7420", "[127.0.0.1]:7420", "example.org:7420", ":7420", "127.0.0.1:7420x"}) {
    const auto parsed = parse_listen_address(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_command);
    EXPECT_NE(parsed.error().message.find("Write it like"), std::string::npos);
  }
}

}  // namespace
}  // namespace holdfast::server
