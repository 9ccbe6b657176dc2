#include "cli/expectation.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "cli/direct.h"

namespace holdfast::cli {

namespace {

constexpr std::string_view kNothing = "nothing";

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(':', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Result<Total> parse_total(std::string_view text, bool with_fees) {
  const auto parts = parts_of(text);
  const auto wrong = [&] {
    return fail(
        ErrorCode::invalid_command,
        fmt::format("--expect {} is not understood: write {}, as the dry run shows it", text,
                    with_fees ? "CURRENCY:ESCROWS:AMOUNT:COMMISSION:FEES:NET" : "CURRENCY:ESCROWS:AMOUNT"));
  };
  if (parts.size() != (with_fees ? 6U : 3U)) return wrong();
  const auto currency = Currency::parse(parts[0]);
  if (!currency) return std::unexpected(currency.error());
  Total total;
  total.currency = *currency;
  const auto* const end = parts[1].data() + parts[1].size();
  const auto [stopped, problem] = std::from_chars(parts[1].data(), end, total.escrows);
  if (problem != std::errc() || stopped != end) return wrong();
  Amount* const sums[] = {&total.amount, &total.commission, &total.processor_fee, &total.net};
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const auto amount = parse_amount_or_zero(parts[i], *currency);
    if (!amount) return std::unexpected(amount.error());
    *sums[i - 2] = *amount;
  }
  return total;
}

}  // namespace

Result<Expectation> parse_expectation(const std::vector<std::string>& texts, bool with_fees) {
  Expectation expectation;
  if (texts.size() == 1 && texts.front() == kNothing) return expectation;
  for (const auto& text : texts) {
    const auto total = parse_total(text, with_fees);
    if (!total) return std::unexpected(total.error());
    expectation.push_back(*total);
  }
  return expectation;
}

std::string expect_options(const Settlement& settlement) {
  if (settlement.totals.empty()) return fmt::format("--expect {}", kNothing);
  std::string options;
  for (const auto& total : settlement.totals) {
    const auto sum = [&](Amount amount) { return to_decimal(amount, total.currency); };
    options += fmt::format("{}--expect {}:{}:{}", options.empty() ? "" : " ", total.currency.code(),
                           total.escrows, sum(total.amount));
    if (settlement.kind != Settlement::Kind::release) continue;
    options += fmt::format(":{}:{}:{}", sum(total.commission), sum(total.processor_fee), sum(total.net));
  }
  return options;
}

}  // namespace holdfast::cli
