// Reads the fields of one JSON object into the parts of a command. The first thing that is wrong is kept and
// everything after it reads as empty, so that a reader asks for its fields one after the other and looks at
// the error once, at its end.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "holdfast/commands.h"
#include "json/document.h"

namespace holdfast::json {

class Fields {
 public:
  /// \param object  a value of kind object
  /// \param where   in front of every message: `hold`, or `commands[2]: hold`
  /// \param prefix  in front of the names in messages and Error::fields: empty, or `commission.`
  Fields(Value object, std::string where, std::string prefix = {})
      : object_(object), where_(std::move(where)), prefix_(std::move(prefix)) {}

  /// Any field that is in neither list is an error that names those that are allowed.
  void allow(std::span<const std::string_view> names, std::span<const std::string_view> more = {});

  [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }

  /// Texts are never empty: an empty one would read as "not given".
  std::string required_text(std::string_view name, std::string_view what);
  std::string optional_text(std::string_view name, std::string_view what);
  /// A whole number of minor units; its range is the matter of `validate`.
  Amount required_amount(std::string_view name);
  std::optional<Amount> optional_amount(std::string_view name);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::string_view what, std::int64_t min,
                                               std::int64_t max);
  bool flag(std::string_view name);
  std::optional<Timestamp> optional_time(std::string_view name);
  Currency required_currency(std::string_view name);
  FeeRule required_fee_rule(std::string_view name);
  EscrowRef required_escrow(std::string_view name);
  EscrowList optional_escrows(std::string_view name);
  /// Those of a dry run's answer. \param with_fees  a release's, with what it was split into
  std::optional<Expectation> optional_totals(std::string_view name, bool with_fees);
  /// The word that `parse` knows; `fallback` where the field is not given.
  template <class Word, class Parse>
  Word word(std::string_view name, std::string_view words, Parse parse, std::optional<Word> fallback) {
    const auto value = find(name);
    if (!value && fallback) return *fallback;
    if (!value) return missing(name, words), Word{};
    if (value->kind() == Kind::text) {
      if (const std::optional<Word> known = parse(value->text())) return *known;
    }
    return wrong(name, fmt_one_of(words), *value), Word{};
  }
  std::optional<Value> required_list(std::string_view name, std::string_view what);

  /// Keeps the first error that is reported. `name` is the field at fault.
  void error(ErrorCode code, std::string_view name, std::string_view message);
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  [[nodiscard]] std::optional<Value> find(std::string_view name) const;
  [[nodiscard]] static std::string fmt_one_of(std::string_view words);
  void missing(std::string_view name, std::string_view what);
  void wrong(std::string_view name, std::string_view expected, Value value);
  std::string text(std::string_view name, std::string_view what, Value value);
  Amount amount(std::string_view name, Value value);

  Value object_;
  std::string where_;
  std::string prefix_;
  std::optional<Error> error_;
};

}  // namespace holdfast::json
