#include "base/small_file.h"

#include <cerrno>

namespace holdfast {

IoResult<std::optional<std::string>> read_small_file(Directory& directory, std::string_view name) {
  auto file = directory.open(name, OpenMode::read);
  if (!file) {
    if (file.error().error_number == ENOENT) return std::nullopt;
    return std::unexpected(file.error());
  }
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  std::string text(static_cast<std::size_t>(*size), '\0');
  const auto n = read_all(**file, 0, std::as_writable_bytes(std::span(text.data(), text.size())));
  if (!n) return std::unexpected(n.error());
  text.resize(*n);
  return text;
}

IoResult<void> replace_private_file(Directory& directory, std::string_view name, std::string_view text) {
  const auto temporary = std::string(name) + ".tmp";
  auto file = directory.open(temporary, OpenMode::create_private);
  if (!file && file.error().error_number == EEXIST) {  // of a writer that a crash cut off
    if (auto removed = directory.remove(temporary); !removed) return removed;
    file = directory.open(temporary, OpenMode::create_private);
  }
  if (!file) return std::unexpected(file.error());
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  if (auto written = write_all(**file, 0, bytes); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = directory.rename(temporary, name); !renamed) return renamed;
  return directory.sync();
}

}  // namespace holdfast
