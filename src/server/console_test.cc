// The console as it is served: complete, small, closed to everything from elsewhere.
#include "server/console.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

namespace holdfast::server {
namespace {

http::Response get(const std::string& path, const std::string& etag = {}) {
  const auto routes = console_routes();
  const auto assets = path.starts_with("/assets/");
  Call call;
  call.request.head.method = "GET";
  call.request.head.target = path;
  if (!etag.empty()) call.request.head.fields.emplace_back("if-none-match", etag);
  if (assets) call.path.push_back(path.substr(8));
  http::Response got;
  routes.at(assets ? 1 : 0).run(call, [&got](http::Response response) { got = std::move(response); });
  return got;
}

std::string field(const http::Response& response, std::string_view name) {
  for (const auto& [each, value] : response.fields) {
    if (each == name) return value;
  }
  return {};
}

TEST(Console, IsAPageForEveryone) {
  for (const auto& route : console_routes()) EXPECT_FALSE(route.role.has_value()) << route.path;
  const auto page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(page.body.starts_with("<!doctype html>"));
}

TEST(Console, AllowsNothingFromElsewhere) {
  const auto page = get("/");
  const auto policy = field(page, "Content-Security-Policy");
  for (const auto* part :
       {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
        "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"}) {
    EXPECT_NE(policy.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(field(page, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(field(page, "Referrer-Policy"), "no-referrer");
}

TEST(Console, IsKeptByTheBrowserUntilItChanges) {
  const auto first = get("/assets/app.js");
  ASSERT_EQ(first.status, 200);
  const auto again = get("/assets/app.js", field(first, "ETag"));
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
  EXPECT_EQ(get("/assets/app.js", "\"another\"").status, 200);
}

TEST(Console, SaysWhichFilesThereAre) {
  const auto missing = get("/assets/nothing.js");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.content_type, "application/problem+json");
  EXPECT_NE(missing.body.find("app.js"), std::string::npos);
}

TEST(Console, WritesAmountsWithTheLedgersDecimals) {
  const auto module = get("/assets/currencies.js");
  EXPECT_EQ(module.content_type, "text/javascript; charset=utf-8");
  EXPECT_NE(module.body.find("JPY:0"), std::string::npos);
  EXPECT_NE(module.body.find("BHD:3"), std::string::npos);
  EXPECT_EQ(module.body.find("EUR"), std::string::npos) << "hundredths are the rule";
}

/// Every file that the page or a module names is there, and all together are small.
TEST(Console, IsComplete) {
  std::vector<std::string> left{"/"};
  std::vector<std::string> seen;
  std::size_t bytes = 0;
  const std::regex name(R"re((?:"|')(?:/assets/|\./)([a-z_]+\.(?:js|css|svg))(?:"|'))re");
  while (!left.empty()) {
    const auto path = left.back();
    left.pop_back();
    if (std::ranges::find(seen, path) != seen.end()) continue;
    seen.push_back(path);
    const auto file = get(path);
    ASSERT_EQ(file.status, 200) << path;
    bytes += file.body.size();
    for (std::sregex_iterator it(file.body.begin(), file.body.end(), name), end; it != end; ++it) {
      left.push_back("/assets/" + (*it)[1].str());
    }
  }
  EXPECT_GE(seen.size(), 10U);
  EXPECT_LT(bytes, 150'000U);
}

}  // namespace
}  // namespace holdfast::server
