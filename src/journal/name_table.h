// Names of accounts and groups: number to name, name to number, and names in order. Texts lie in an arena
// that grows by chunks; a name is never changed, and taken away only by undo, last in first out.
#pragma once

#include <absl/container/btree_set.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "journal/chunked_array.h"
#include "journal/key_index.h"

namespace holdfast::journal {

class NameTable {
 public:
  static constexpr std::size_t kMaxName = 255;

  explicit NameTable(const HashSecret& secret);
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  [[nodiscard]] bool exists(std::uint32_t number) const;
  /// Empty where there is none. Lives as long as the table.
  [[nodiscard]] std::string_view name(std::uint32_t number) const;
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const;
  /// Numbers by their names in ascending order, > after.
  [[nodiscard]] std::vector<std::uint32_t> in_order(std::string_view after, std::size_t limit) const;

  /// \pre neither the number nor the name is there
  void add(std::uint32_t number, std::string_view name);
  /// \pre the last one added
  void remove_last(std::uint32_t number);

  /// Recovery: only the text; then, once after all, the indexes. \pre the number is not there
  void put(std::uint32_t number, std::string_view name);
  /// \param last  the highest number. \return a number whose name another has too, if any
  [[nodiscard]] std::optional<std::uint32_t> build(std::uint32_t last);

  [[nodiscard]] std::uint64_t memory_bytes() const;

 private:
  struct ByName {
    using is_transparent = void;
    const NameTable* table;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return table->name(a) < table->name(b); }
    bool operator()(std::uint32_t a, std::string_view b) const { return table->name(a) < b; }
    bool operator()(std::string_view a, std::uint32_t b) const { return a < table->name(b); }
  };
  struct Prefix {
    std::uint64_t text = 0;  // the next eight characters, so that they compare as a number
    std::uint32_t number = 0;
  };
  [[nodiscard]] std::uint64_t prefix(std::uint32_t number, std::size_t depth) const;
  void sort(Prefix* begin, Prefix* end, std::size_t depth) const;

  HashSecret secret_;
  ChunkedArray<char, 21> arena_;
  std::uint64_t arena_end_ = 0;
  ChunkedArray<std::uint64_t, 18> places_;  // in the arena, from 1: a byte for the length, then the name
  KeyIndex index_{10};
  absl::btree_set<std::uint32_t, ByName> order_;
};

}  // namespace holdfast::journal
