#include "server/console.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "holdfast/money.h"
#include "server/embedded_file.h"
#include "server/problem.h"

namespace holdfast::server {

std::span<const EmbeddedFile> console_files();  // made by cmake/embed_files.cmake

namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

struct Asset {
  std::string content_type;
  std::string text;
  std::string etag;
};

using Assets = std::map<std::string, Asset, std::less<>>;

std::string_view content_type(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "image/svg+xml";
}

/// The currencies whose minor unit is no hundredth, as a module: the console writes amounts as this build
/// does.
std::string currencies_module() {
  std::string entries;
  for (char a = 'A'; a <= 'Z'; ++a) {
    for (char b = 'A'; b <= 'Z'; ++b) {
      for (char c = 'A'; c <= 'Z'; ++c) {
        const auto currency = Currency::parse(std::string{a, b, c});
        if (!currency || currency->exponent() == 2) continue;
        entries += fmt::format("{}{}:{}", entries.empty() ? "" : ",", currency->code(), currency->exponent());
      }
    }
  }
  return fmt::format("export default {{{}}};\n", entries);
}

Assets make_assets() {
  Assets assets;
  const auto add = [&assets](std::string_view name, std::string text) {
    const auto hash = to_hex(sha256(std::as_bytes(std::span(text))));
    assets[std::string(name)] = {std::string(content_type(name)), std::move(text),
                                 fmt::format("\"{}\"", hash.substr(0, 16))};
  };
  for (const auto& file : console_files()) add(file.name, std::string(file.text));
  add("currencies.js", currencies_module());
  return assets;
}

http::Response answer(const Asset& asset, const http::Head& head) {
  http::Response response;
  response.content_type = asset.content_type;
  response.fields = {{"ETag", asset.etag},
                     {"Cache-Control", "no-cache"},
                     {"Content-Security-Policy", std::string(kPolicy)},
                     {"X-Content-Type-Options", "nosniff"},
                     {"Referrer-Policy", "no-referrer"},
                     {"Cross-Origin-Opener-Policy", "same-origin"},
                     {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (head.field("if-none-match").find(asset.etag) != std::string::npos) {
    response.status = 304;
  } else {
    response.body = asset.text;
  }
  return response;
}

http::Response no_such_asset(const Assets& assets, const http::Head& head) {
  std::string known;
  for (const auto& [name, asset] : assets) known += (known.empty() ? "" : ", ") + name;
  return problem(Trouble::not_found, fmt::format("there is no such file; there are {}", known), head.id);
}

}  // namespace

std::vector<Route> console_routes() {
  const auto assets = std::make_shared<const Assets>(make_assets());
  const auto give = [assets](std::string_view name, const Call& call, const http::Respond& respond) {
    const auto found = assets->find(name);
    respond(found == assets->end() ? no_such_asset(*assets, call.request.head)
                                   : answer(found->second, call.request.head));
  };
  return {
      {.method = "GET",
       .path = "/",
       .role = std::nullopt,
       .run = [give](const Call& call, const http::Respond& respond) { give("index.html", call, respond); }},
      {.method = "GET",
       .path = "/assets/{file}",
       .role = std::nullopt,
       .run = [give](const Call& call, const http::Respond& respond) {
         give(call.path.at(0), call, respond);
       }}};
}

}  // namespace holdfast::server
