// A file that was made part of the program by cmake/embed_files.cmake.
#pragma once

#include <span>
#include <string_view>

namespace holdfast::server {

struct EmbeddedFile {
  std::string_view name;  // without its folder
  std::string_view text;
};

}  // namespace holdfast::server
