#include "json/document.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>

#include "base/assert.h"

namespace holdfast::json {

namespace bj = boost::json;

/// Builds the tape from the parser's events. It stops the parser with an error of its own where a field
/// repeats.
struct Document::Handler {
  // The parser asks for these names. NOLINTBEGIN(readability-identifier-naming)
  static constexpr std::size_t max_array_size = kMaxItems;
  static constexpr std::size_t max_object_size = kMaxFields;
  static constexpr std::size_t max_string_size = kMaxTextBytes;
  static constexpr std::size_t max_key_size = kMaxTextBytes;
  // NOLINTEND(readability-identifier-naming)

  Document document;
  std::vector<std::uint32_t> open;  // lists and objects that have not ended, outermost first
  std::string repeated;             // the field that stopped the parser, where has_repeated
  bool has_repeated = false;
  std::size_t part_begin = 0;  // in text_: the text or number that is being read
  bool in_part = false;

  bool on_document_begin(bj::error_code& /*ec*/) { return true; }
  bool on_document_end(bj::error_code& /*ec*/) { return true; }

  bool on_object_begin(bj::error_code& /*ec*/) { return begin(Kind::object); }
  bool on_object_end(std::size_t n, bj::error_code& /*ec*/) { return end(n); }
  bool on_array_begin(bj::error_code& /*ec*/) { return begin(Kind::list); }
  bool on_array_end(std::size_t n, bj::error_code& /*ec*/) { return end(n); }

  bool on_key_part(bj::string_view s, std::size_t /*n*/, bj::error_code& /*ec*/) { return part(s); }
  bool on_key(bj::string_view s, std::size_t /*n*/, bj::error_code& ec) {
    part(s);
    const auto name = std::string_view(document.text_).substr(part_begin);
    const Value object(&document, open.back());
    auto& nodes = document.nodes_;
    for (auto i = object.index_ + 1; i < nodes.size(); i = nodes[i + 1].end) {
      if (Value(&document, i).text() != name) continue;
      repeated = name;
      has_repeated = true;
      ec = bj::error::syntax;
      return false;
    }
    return finish_text(Kind::text);
  }
  bool on_string_part(bj::string_view s, std::size_t /*n*/, bj::error_code& /*ec*/) { return part(s); }
  bool on_string(bj::string_view s, std::size_t /*n*/, bj::error_code& /*ec*/) {
    part(s);
    return finish_text(Kind::text);
  }

  bool on_number_part(bj::string_view s, bj::error_code& /*ec*/) { return part(s); }
  bool on_int64(std::int64_t value, bj::string_view /*s*/, bj::error_code& /*ec*/) {
    if (in_part) document.text_.resize(part_begin);
    in_part = false;
    return push({value, 0, 0, Kind::integer});
  }
  bool on_uint64(std::uint64_t /*value*/, bj::string_view s, bj::error_code& /*ec*/) {
    part(s);
    return finish_text(Kind::number);
  }
  bool on_double(auto /*value*/, bj::string_view s, bj::error_code& /*ec*/) {
    part(s);
    return finish_text(Kind::number);
  }
  bool on_bool(bool value, bj::error_code& /*ec*/) { return push({value ? 1 : 0, 0, 0, Kind::boolean}); }
  bool on_null(bj::error_code& /*ec*/) { return push({0, 0, 0, Kind::null}); }
  bool on_comment_part(bj::string_view /*s*/, bj::error_code& /*ec*/) { return true; }
  bool on_comment(bj::string_view /*s*/, bj::error_code& /*ec*/) { return true; }

 private:
  bool push(Node node) {
    node.end = static_cast<std::uint32_t>(document.nodes_.size() + 1);
    document.nodes_.push_back(node);
    return true;
  }
  bool begin(Kind kind) {
    open.push_back(static_cast<std::uint32_t>(document.nodes_.size()));
    return push({0, 0, 0, kind});
  }
  bool end(std::size_t n) {
    auto& node = document.nodes_[open.back()];
    node.integer = static_cast<std::int64_t>(n);
    node.end = static_cast<std::uint32_t>(document.nodes_.size());
    open.pop_back();
    return true;
  }
  bool part(bj::string_view s) {
    if (!in_part) part_begin = document.text_.size();
    in_part = true;
    document.text_.append(s.data(), s.size());
    return true;
  }
  bool finish_text(Kind kind) {
    in_part = false;
    return push({static_cast<std::int64_t>(part_begin),
                 static_cast<std::uint32_t>(document.text_.size() - part_begin), 0, kind});
  }
};

namespace {

std::unexpected<Error> not_json(const bj::error_code& ec, std::size_t byte) {
  if (ec == bj::error::array_too_large) {
    return fail(ErrorCode::batch_too_large,
                fmt::format("a list has more than {} items; give them in several commands", kMaxItems));
  }
  if (ec == bj::error::object_too_large) {
    return fail(ErrorCode::invalid_command,
                fmt::format("an object has more than {} fields; no command has as many", kMaxFields));
  }
  if (ec == bj::error::too_deep) {
    return fail(ErrorCode::invalid_command,
                fmt::format("the JSON is nested deeper than {} levels", kMaxDepth));
  }
  if (ec == bj::error::incomplete) {
    return fail(ErrorCode::invalid_command, "not JSON: the text ends before the value is complete");
  }
  return fail(ErrorCode::invalid_command, fmt::format("not JSON: {} at byte {}", ec.message(), byte + 1));
}

}  // namespace

Result<Document> Document::parse(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return fail(ErrorCode::batch_too_large, fmt::format("a command has at most {} bytes of JSON, this one {}",
                                                        kMaxTextBytes, text.size()));
  }
  bj::parse_options options;
  options.max_depth = kMaxDepth;
  bj::basic_parser<Handler> parser(options);
  auto& handler = parser.handler();
  handler.document.text_.reserve(text.size() / 2);
  bj::error_code ec;
  const auto used = parser.write_some(false, text.data(), text.size(), ec);
  if (handler.has_repeated) {
    auto error = fail(ErrorCode::invalid_command,
                      fmt::format("field \"{}\" is given twice in one object", handler.repeated));
    error.error().fields = {handler.repeated};
    return error;
  }
  if (ec) return not_json(ec, used);
  if (used < text.size()) return not_json(bj::error::extra_data, used);
  HOLDFAST_ASSERT(!handler.document.nodes_.empty() && handler.open.empty(),
                  "a parsed text is one whole value");
  return std::move(handler.document);
}

Kind Value::kind() const {
  return document_->nodes_[index_].kind;
}

bool Value::boolean() const {
  HOLDFAST_ASSERT(kind() == Kind::boolean, "asked a value that is no boolean");
  return document_->nodes_[index_].integer != 0;
}

std::int64_t Value::integer() const {
  HOLDFAST_ASSERT(kind() == Kind::integer, "asked a value that is no integer");
  return document_->nodes_[index_].integer;
}

std::string_view Value::text() const {
  const auto& node = document_->nodes_[index_];
  HOLDFAST_ASSERT(node.kind == Kind::text || node.kind == Kind::number, "asked a value that has no text");
  return std::string_view(document_->text_).substr(static_cast<std::size_t>(node.integer), node.length);
}

std::size_t Value::size() const {
  const auto& node = document_->nodes_[index_];
  const bool many = node.kind == Kind::list || node.kind == Kind::object;
  return many ? static_cast<std::size_t>(node.integer) : 0;
}

std::string Value::describe() const {
  constexpr std::size_t kShown = 60;
  switch (kind()) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return boolean() ? "true" : "false";
    case Kind::integer:
      return std::to_string(integer());
    case Kind::number:
      return std::string(text().substr(0, kShown));
    case Kind::text: {
      auto shown = text().substr(0, kShown);
      // A cut in the middle of a character would not be UTF-8 any more.
      while (shown.size() < text().size() &&
             (static_cast<unsigned char>(text()[shown.size()]) & 0xC0) == 0x80) {
        shown.remove_suffix(1);
      }
      return fmt::format("the text \"{}{}\"", shown, shown.size() < text().size() ? "…" : "");
    }
    case Kind::list:
      return "a list";
    case Kind::object:
      return "an object";
  }
  HOLDFAST_ASSERT(false, "a value is of a known kind");
}

}  // namespace holdfast::json
