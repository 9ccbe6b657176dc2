#include "json/fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::json {

namespace {

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

constexpr std::string_view kEscrow = "an escrow's id (a whole number from 1) or its key (a text)";

/// Ids are numbers that every JSON reader can hold.
bool is_id(std::int64_t number) {
  return number >= 1 && number <= kMaxAmount.minor();
}

}  // namespace

void Fields::error(ErrorCode code, std::string_view name, std::string_view message) {
  if (error_) return;
  error_.emplace();
  error_->code = code;
  error_->message = fmt::format("{}: {}", where_, message);
  error_->fields = {prefix_ + std::string(name)};
}

void Fields::missing(std::string_view name, std::string_view what) {
  error(ErrorCode::invalid_command, name,
        fmt::format("field \"{}{}\" is missing: give {}", prefix_, name, what));
}

void Fields::wrong(std::string_view name, std::string_view expected, Value value) {
  error(ErrorCode::invalid_command, name,
        fmt::format("field \"{}{}\" must be {}, not {}", prefix_, name, expected, value.describe()));
}

std::string Fields::fmt_one_of(std::string_view words) {
  return fmt::format("one of {}", words);
}

std::optional<Value> Fields::find(std::string_view name) const {
  std::optional<Value> found;
  object_.each_field([&](std::string_view field, Value value) {
    if (field == name) found = value;
  });
  return found;
}

void Fields::allow(std::span<const std::string_view> names, std::span<const std::string_view> more) {
  object_.each_field([&](std::string_view field, Value) {
    if (error_ || contains(names, field) || contains(more, field)) return;
    std::string known;
    for (const auto list : {names, more}) {
      for (const auto name : list) known += fmt::format("{}{}", known.empty() ? "" : ", ", name);
    }
    const auto shown = field.substr(0, 60);
    error(ErrorCode::invalid_command, field,
          fmt::format("field \"{}{}{}\" is unknown; known are {}", prefix_, shown,
                      shown.size() < field.size() ? "..." : "", known));
  });
}

std::string Fields::text(std::string_view name, std::string_view what, Value value) {
  if (value.kind() != Kind::text) return wrong(name, fmt::format("{}, as a text", what), value), "";
  if (value.text().empty()) {
    error(ErrorCode::invalid_command, name,
          fmt::format("field \"{}{}\" is empty: give {}, or leave the field out where it may be", prefix_,
                      name, what));
  }
  return std::string(value.text());
}

std::string Fields::required_text(std::string_view name, std::string_view what) {
  const auto value = find(name);
  if (!value) return missing(name, what), "";
  return text(name, what, *value);
}

std::string Fields::optional_text(std::string_view name, std::string_view what) {
  const auto value = find(name);
  return value ? text(name, what, *value) : "";
}

Amount Fields::amount(std::string_view name, Value value) {
  if (value.kind() == Kind::integer) return Amount(value.integer());
  const auto written = value.kind() == Kind::number ? value.text() : std::string_view();
  const bool whole = !written.empty() && written.find_first_not_of("-0123456789") == std::string_view::npos;
  if (whole) {
    error(ErrorCode::amount_out_of_range, name,
          fmt::format("field \"{}{}\" must be at most {}, not {}", prefix_, name, kMaxAmount.minor(),
                      value.describe()));
  } else {
    wrong(name, "a whole number of minor units (cents)", value);
  }
  return {};
}

Amount Fields::required_amount(std::string_view name) {
  const auto value = find(name);
  if (!value) return missing(name, "a whole number of minor units (cents)"), Amount();
  return amount(name, *value);
}

std::optional<Amount> Fields::optional_amount(std::string_view name) {
  const auto value = find(name);
  if (!value) return std::nullopt;
  return amount(name, *value);
}

std::optional<std::int64_t> Fields::optional_integer(std::string_view name, std::string_view what,
                                                     std::int64_t min, std::int64_t max) {
  const auto value = find(name);
  if (!value) return std::nullopt;
  if (value->kind() == Kind::integer && value->integer() >= min && value->integer() <= max) {
    return value->integer();
  }
  wrong(name, fmt::format("{} from {} to {}", what, min, max), *value);
  return std::nullopt;
}

bool Fields::flag(std::string_view name) {
  const auto value = find(name);
  if (!value) return false;
  if (value->kind() == Kind::boolean) return value->boolean();
  return wrong(name, "true or false", *value), false;
}

std::optional<Timestamp> Fields::optional_time(std::string_view name) {
  const auto value = find(name);
  if (!value) return std::nullopt;
  if (value->kind() != Kind::text) {
    return wrong(name, "a time in UTC as a text, such as \"2026-11-24T09:00:00Z\"", *value), std::nullopt;
  }
  const auto time = parse_rfc3339(value->text());
  if (time) return *time;
  error(time.error().code, name, fmt::format("field \"{}{}\": {}", prefix_, name, time.error().message));
  return std::nullopt;
}

Currency Fields::required_currency(std::string_view name) {
  const auto code = required_text(name, "a currency code such as \"EUR\"");
  if (error_) return {};
  const auto currency = Currency::parse(code);
  if (currency) return *currency;
  error(currency.error().code, name,
        fmt::format("field \"{}{}\": {}", prefix_, name, currency.error().message));
  return {};
}

FeeRule Fields::required_fee_rule(std::string_view name) {
  constexpr std::string_view kNames[] = {"rate", "fixed", "min", "max", "to"};
  constexpr std::string_view kWhat = "a fee rule such as {\"rate\":\"0.05\"}";
  const auto value = find(name);
  if (!value) return missing(name, kWhat), FeeRule();
  if (value->kind() != Kind::object) return wrong(name, kWhat, *value), FeeRule();

  Fields inner(*value, where_, fmt::format("{}{}.", prefix_, name));
  inner.allow(kNames);
  FeeRule rule;
  const auto text = inner.required_text("rate", "a decimal as a text, such as \"0.05\"");
  if (!inner.error()) {
    if (const auto rate = Rate::parse(text)) {
      rule.rate = *rate;
    } else {
      inner.error(rate.error().code, "rate",
                  fmt::format("field \"{}rate\": {}", inner.prefix_, rate.error().message));
    }
  }
  rule.fixed = inner.optional_amount("fixed").value_or(Amount());
  rule.min = inner.optional_amount("min").value_or(Amount());
  const auto max = inner.find("max");
  if (max && max->kind() != Kind::null) rule.max = inner.amount("max", *max);
  rule.to = inner.optional_text("to", "the account that is paid");
  if (inner.error() && !error_) error_ = inner.error();
  return rule;
}

EscrowRef Fields::required_escrow(std::string_view name) {
  const auto value = find(name);
  if (!value) return missing(name, kEscrow), EscrowRef();
  if (value->kind() == Kind::text) return {EscrowId(), text(name, "an escrow's id or key", *value)};
  if (value->kind() == Kind::integer && is_id(value->integer())) {
    return {EscrowId(static_cast<std::uint64_t>(value->integer())), {}};
  }
  return wrong(name, kEscrow, *value), EscrowRef();
}

EscrowList Fields::optional_escrows(std::string_view name) {
  constexpr std::string_view kWhat = "a list of ids (numbers) and keys (texts)";
  EscrowList list;
  const auto value = find(name);
  if (!value) return list;
  if (value->kind() != Kind::list) return wrong(name, kWhat, *value), list;
  if (value->size() == 0) {
    error(ErrorCode::invalid_command, name,
          fmt::format("field \"{}\" is an empty list: name at least one escrow", name));
  }
  if (value->size() > kMaxListItems) {
    error(
        ErrorCode::batch_too_large, name,
        fmt::format("field \"{}\" has {} items, at most {} go in one list; use several commands, or a group",
                    name, value->size(), kMaxListItems));
  }
  if (error_) return list;
  list.reserve(value->size());
  std::size_t index = 0;
  value->each_item([&](Value item) {
    if (error_) return;
    if (item.kind() == Kind::text && !item.text().empty()) {
      list.add(item.text());
    } else if (item.kind() == Kind::integer && is_id(item.integer())) {
      list.add(EscrowId(static_cast<std::uint64_t>(item.integer())));
    } else {
      wrong(fmt::format("{}[{}]", name, index), kEscrow, item);
    }
    ++index;
  });
  return list;
}

std::optional<Expectation> Fields::optional_totals(std::string_view name, bool with_fees) {
  constexpr std::string_view kNames[] = {"currency",   "escrows",       "amount",
                                         "commission", "processor_fee", "net"};
  constexpr std::string_view kWhat = "a list of totals, those of the dry run";
  const auto value = find(name);
  if (!value) return std::nullopt;
  if (value->kind() != Kind::list) return wrong(name, kWhat, *value), std::nullopt;
  Expectation totals;
  value->each_item([&](Value item) {
    if (error_) return;
    const auto place = fmt::format("{}[{}]", name, totals.size());
    if (item.kind() != Kind::object) return wrong(place, "a total of the dry run", item);
    Fields inner(item, where_, fmt::format("{}{}.", prefix_, place));
    inner.allow(std::span(kNames).first(with_fees ? 6 : 3));
    Total total;
    total.currency = inner.required_currency("currency");
    const auto escrows = inner.optional_integer("escrows", "how many escrows", 1, kMaxAmount.minor());
    if (!escrows) inner.missing("escrows", "how many escrows");
    total.escrows = static_cast<std::uint64_t>(escrows.value_or(0));
    total.amount = inner.required_amount("amount");
    if (with_fees) {
      total.commission = inner.required_amount("commission");
      total.processor_fee = inner.required_amount("processor_fee");
      total.net = inner.required_amount("net");
    }
    if (inner.error()) error_ = inner.error();
    totals.push_back(total);
  });
  return totals;
}

std::optional<Value> Fields::required_list(std::string_view name, std::string_view what) {
  const auto value = find(name);
  if (!value) return missing(name, what), std::nullopt;
  if (value->kind() != Kind::list) return wrong(name, what, *value), std::nullopt;
  return value;
}

}  // namespace holdfast::json
