// A directory of the operating system that is gone when the test ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "base/assert.h"
#include "base/posix_file.h"

namespace holdfast::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    auto pattern = (std::filesystem::temp_directory_path() / "holdfast-test-XXXXXX").string();
    HOLDFAST_ASSERT(::mkdtemp(pattern.data()) != nullptr, "a temporary directory can be made");
    path_ = pattern;
    auto opened = open_posix_directory(path_, false);
    HOLDFAST_ASSERT(opened.has_value(), "a directory that was just made can be opened");
    directory_ = std::move(*opened);
  }
  ~TemporaryDirectory() {
    directory_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] Directory& operator*() const { return *directory_; }
  [[nodiscard]] Directory* operator->() const { return directory_.get(); }

 private:
  std::filesystem::path path_;
  std::unique_ptr<Directory> directory_;
};

}  // namespace holdfast::testing
