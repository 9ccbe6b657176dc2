// A JSON text as a flat tape of values, for commands: strict where commands need it and Boost.JSON's own
// documents are lenient. A field that is repeated in one object is refused at every level, a number that is
// no integer of 64 bits keeps its text so that nothing is ever rounded, and sizes and depth are bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/result.h"

namespace holdfast::json {

/// The longest text that is read: a command, one line of JSON Lines, or one HTTP body.
inline constexpr std::size_t kMaxTextBytes = std::size_t{16} << 20;
/// Sixteen atomics in each other take two levels each; a fee rule and a list are a level more.
inline constexpr std::size_t kMaxDepth = 40;
inline constexpr std::size_t kMaxFields = 64;
inline constexpr std::size_t kMaxItems = 10'000;

enum class Kind : std::uint8_t { null, boolean, integer, number, text, list, object };

class Document;

/// One value of a document; valid while the document lives and is not moved.
class Value {
 public:
  [[nodiscard]] Kind kind() const;
  /// \pre kind() is boolean
  [[nodiscard]] bool boolean() const;
  /// \pre kind() is integer
  [[nodiscard]] std::int64_t integer() const;
  /// Of a text, unescaped; of a number, as it was written.
  [[nodiscard]] std::string_view text() const;
  /// Items of a list, fields of an object; 0 for others.
  [[nodiscard]] std::size_t size() const;
  /// What it is, for messages: `the text "5"`, `1.5`, `true`, `null`, `a list`, `an object`.
  [[nodiscard]] std::string describe() const;

  /// Calls `visit(Value)` for each item. \pre kind() is list
  template <class Visit>
  void each_item(Visit visit) const;
  /// Calls `visit(std::string_view name, Value)` for each field. \pre kind() is object
  template <class Visit>
  void each_field(Visit visit) const;

 private:
  friend class Document;
  Value(const Document* document, std::uint32_t index) : document_(document), index_(index) {}

  const Document* document_;
  std::uint32_t index_;
};

class Document {
 public:
  /// \param text  UTF-8; not kept
  /// Errors: `invalid_command` (not JSON, and at which byte; a repeated field; too deep), `batch_too_large`.
  [[nodiscard]] static Result<Document> parse(std::string_view text);

  [[nodiscard]] Value root() const { return {this, 0}; }

 private:
  friend class Value;
  struct Handler;

  /// A field's name is a text node in front of its value.
  struct Node {
    std::int64_t integer = 0;  // the value; where a text begins in text_; how many items or fields
    std::uint32_t length = 0;  // of a text
    std::uint32_t end = 0;     // index after the value and all that is in it
    Kind kind = Kind::null;
  };

  std::vector<Node> nodes_;
  std::string text_;
};

template <class Visit>
void Value::each_item(Visit visit) const {
  const auto end = document_->nodes_[index_].end;
  for (auto i = index_ + 1; i < end; i = document_->nodes_[i].end) visit(Value(document_, i));
}

template <class Visit>
void Value::each_field(Visit visit) const {
  const auto end = document_->nodes_[index_].end;
  for (auto i = index_ + 1; i < end; i = document_->nodes_[i + 1].end) {
    visit(Value(document_, i).text(), Value(document_, i + 1));
  }
}

}  // namespace holdfast::json
