// JSON whose integers stay exact. An amount is an integer of up to 64 bits (a ledger's sums of up to 128), and
// JSON.parse makes every number a double, which is exact to 2^53 only. Integers beyond become BigInt here, and are
// written as they came; all others are numbers as ever.

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const large = /^-?\d{16,}$/;
const marked = /^\0-?\d{16,}$/;

export function parse(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const kept = text.replace(token, (part) =>
    large.test(part) && !Number.isSafeInteger(Number(part)) ? `"\\u0000${part}"` : part);
  return JSON.parse(kept, (_, value) =>
    typeof value === "string" && marked.test(value) ? BigInt(value.slice(1)) : value);
}

/** What `parse` read, as text: the same integers again. */
export const print = (value) => JSON.stringify(value, (_, each) => (typeof each === "bigint" ? `\0${each}` : each))
  .replace(/"\\u0000(-?\d+)"/g, "$1");
