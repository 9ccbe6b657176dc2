// What every fuzz target is: one function that is given bytes and must come back. libFuzzer calls it with
// inputs that it makes, replay_main.cc with the files of a corpus. What it checks beyond not crashing are
// HOLDFAST_ASSERTs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace holdfast::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

/// Takes decisions off the front of an input, so that a target can try what no single text says.
class Choices {
 public:
  explicit Choices(std::string_view& input) : input_(input) {}

  /// 0 where the input is at its end.
  std::uint8_t byte() {
    if (input_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(input_.front());
    input_.remove_prefix(1);
    return value;
  }

 private:
  std::string_view& input_;
};

}  // namespace holdfast::fuzz
