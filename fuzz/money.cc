// Amounts, rates, currencies and times as text: what is understood, written out, is understood the same.
#include "holdfast/money.h"

#include "fuzz/target.h"
#include "holdfast/time.h"

using namespace holdfast;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  for (const std::string_view code : {"EUR", "JPY", "BHD"}) {
    const auto currency = Currency::parse(code).value();
    const auto amount = parse_amount(text, currency);
    if (!amount) continue;
    const auto again = parse_amount(to_decimal(*amount, currency), currency);
    HOLDFAST_ASSERT(again && *again == *amount, "an amount that is written is read as the same");
    (void)to_grouped(*amount, currency);
  }
  if (const auto rate = Rate::parse(text)) {
    const auto again = Rate::parse(rate->to_text());
    HOLDFAST_ASSERT(again && *again == *rate, "a rate that is written is read as the same");
    (void)rate->to_percent();
  }
  if (const auto currency = Currency::parse(text)) {
    HOLDFAST_ASSERT(currency->code() == text, "a currency is its code");
  }
  if (const auto at = parse_rfc3339(text)) {
    const auto again = parse_rfc3339(to_rfc3339(*at));
    HOLDFAST_ASSERT(again && again->micros == at->micros, "a time that is written is read as the same");
  }
  return 0;
}
