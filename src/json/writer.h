// Writes JSON by hand, in the order of the calls: answers have a fixed order of fields and are written often.
// Integers only; there is no way to write a floating-point number.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::json {

/// Appends `text` quoted. Bytes that are not UTF-8 become U+FFFD, so that what is written is always JSON.
void append_quoted(std::string& out, std::string_view text);

class Writer {
 public:
  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_list() { return open('['); }
  Writer& end_list() { return close(']'); }

  Writer& name(std::string_view text) {
    separate();
    append_quoted(out_, text);
    out_ += ':';
    first_ = true;
    return *this;
  }

  Writer& text(std::string_view value) {
    separate();
    append_quoted(out_, value);
    return *this;
  }
  Writer& null() { return raw("null"); }
  Writer& boolean(bool value) { return raw(value ? "true" : "false"); }
  template <std::integral Int>
  Writer& number(Int value) {
    return raw(std::to_string(value));
  }
  /// `value` is JSON already.
  Writer& raw(std::string_view value) {
    separate();
    out_ += value;
    return *this;
  }

  /// Absent texts are null.
  Writer& text_or_null(std::string_view value) { return value.empty() ? null() : text(value); }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  Writer& open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
    return *this;
  }
  Writer& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }

  std::string out_;
  bool first_ = true;  // the next value stands at the start, or after a name or an opening bracket
};

}  // namespace holdfast::json
