// Amounts: integers in minor units, as BigInt. No floating point touches them.
import exponents from "./currencies.js";

export const decimals = (currency) => exponents[currency] ?? 2;

/** "2,499" of a number, a BigInt or digits */
export const grouped = (integer) => String(integer).replace("-", "−").replace(/\B(?=(\d{3})+$)/g, ",");

/** "1,234.50": the currency's decimals, always all of them */
export function amount(minor, currency) {
  const value = BigInt(minor);
  const digits = (value < 0n ? -value : value).toString().padStart(decimals(currency) + 1, "0");
  const cut = digits.length - decimals(currency);
  const fraction = digits.slice(cut);
  return (value < 0n ? "−" : "") + grouped(digits.slice(0, cut)) + (fraction && "." + fraction);
}

/** "1,234.50 EUR" */
export const money = (minor, currency) => `${amount(minor, currency)} ${currency}`;

/** "+1,234.50", for changes */
export const signed = (minor, currency) => (BigInt(minor) > 0n ? "+" : "") + amount(minor, currency);

export const largest = 2n ** 53n - 1n;

/**
 * What a person typed, as minor units. Commas are taken only where they separate thousands.
 * Throws an Error that says what is wrong.
 */
export function parseAmount(text, currency) {
  const places = decimals(currency);
  const example = places ? "1234." + "50".padEnd(places, "0").slice(0, places) : "1234";
  const found = /^(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?$/.exec(text.trim());
  if (!found) throw new Error(`Write the amount like ${example}.`);
  const fraction = found[2] ?? "";
  if (fraction.length > places) {
    throw new Error(`${currency} has ${places || "no"} decimals: write it like ${example}.`);
  }
  const minor = BigInt(found[1].replaceAll(",", "") + fraction.padEnd(places, "0"));
  if (minor > largest) throw new Error(`More than a command may carry: at most ${money(largest, currency)}.`);
  return minor;
}

/** "24,965.01 EUR and 500 JPY" of totals */
export const sums = (totals, field = "amount") =>
  totals.map((total) => money(total[field], total.currency)).join(" and ") || "nothing";

export const plural = (count, thing) => `${grouped(count)} ${thing}${BigInt(count) === 1n ? "" : "s"}`;
