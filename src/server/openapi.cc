#include "server/openapi.h"

#include <span>
#include <string>

#include "server/embedded_file.h"

namespace holdfast::server {

std::span<const EmbeddedFile> openapi_files();  // made by cmake/embed_files.cmake

std::string_view openapi_document() {
  return openapi_files().front().text;
}

std::vector<Route> openapi_routes() {
  return {{.method = "GET",
           .path = "/openapi.json",
           .role = std::nullopt,
           .run = [](const Call& /*call*/, const http::Respond& respond) {
             http::Response response;
             response.fields.emplace_back("Cache-Control", "no-cache");
             response.body = openapi_document();
             respond(std::move(response));
           }}};
}

}  // namespace holdfast::server
