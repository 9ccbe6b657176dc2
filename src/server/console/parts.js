// What pages are made of: headings, states of loading and failure, words of state, bars, dialogs.
import { h, put, say, svg } from "./dom.js";
import { amount, decimals, grouped, money } from "./money.js";
import { session } from "./api.js";

/** A page's heading. `over`: what kind of thing it is; `beside`: actions. */
export const heading = (title, { over, beside } = {}) =>
  h("header", { class: "heading" },
    h("div", {}, over && h("p", { class: "over" }, over), h("h1", { tabindex: "-1" }, title)),
    beside);

export const section = (title, ...children) =>
  h("section", {}, h("h2", {}, title), children);

/** States in words; the mark before them is no more than a help. */
const words = {
  LOCKED: ["locked", "locked"], RELEASED: ["released", "released"], REFUNDED: ["refunded", "refunded"],
  SPLIT: ["split", "split"], FROZEN: ["frozen", "frozen"],
};
export const status = (state) => h("span", { class: `state ${words[state]?.[1] ?? ""}` }, words[state]?.[0] ?? state);
export const openness = (open) => h("span", { class: `state ${open ? "open" : "closed"}` }, open ? "open" : "closed");

export const loading = (rows = 5) =>
  h("div", { class: "loading", role: "status" }, h("span", { class: "unseen" }, "Loading"),
    Array.from({ length: rows }, () => h("div", { class: "line", "aria-hidden": "true" })));

export const empty = (title, ...advice) =>
  h("div", { class: "empty" }, h("p", { class: "title" }, title), advice.length > 0 && h("p", {}, advice));

/** Messages begin small, since a terminal puts its own words in front of them. */
const sentence = (text) => text.replace(/^\p{Ll}/u, (first) => first.toUpperCase()).replace(/[^.!?]$/, "$&.");

/** A failure where it arose: what, where, what to do, and the request's id for whoever looks it up. */
export function failed(problem, again, title = "This could not be shown.") {
  if (!(problem.where || problem.code)) console.error(problem);
  const missing = problem.status === 404;
  const advice = missing ? "Look it up with the search above, by its exact name."
    : problem.status === 403 ? "Sign in with a key that may."
    : problem.code === "corrupt" ? "Pay nothing out until it is known what happened: holdfast audit and holdfast verify tell more, and the log has when."
    : !problem.answered || problem.status >= 500 ? "Nothing is lost by waiting: try again in a moment." : null;
  return h("div", { class: "failed", role: "alert" },
    h("p", { class: "title" }, missing ? "There is no such thing here." : title),
    h("p", {}, sentence(problem.message)),
    advice && h("p", {}, advice),
    h("p", { class: "small" },
      [problem.where, problem.status || null, problem.code, problem.request && `request ${problem.request}`]
        .filter(Boolean).join(" · ")),
    again && h("p", {}, h("button", { type: "button", onclick: again }, "Try again")));
}

/** Fills `place` with what `make` gives; meanwhile and otherwise says so. */
export async function fillWith(place, make, { rows, signal } = {}) {
  if (!place.hasChildNodes()) put(place, loading(rows));
  try {
    put(place, await make());
  } catch (problem) {
    if (problem.name === "AbortError" || signal?.aborted) return;
    put(place, failed(problem, () => {
      place.replaceChildren();
      fillWith(place, make, { rows, signal });
    }));
  }
}

/** Names and values, as the head of a statement has them. */
export const facts = (pairs) =>
  h("dl", { class: "facts" }, pairs.filter(Boolean).map(([term, ...value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));

/** A small table of figures with currencies down the side. columns: [[label, total => node, is it a count]…] */
export function figures(caption, totals, columns) {
  // The points of all currencies stand under each other: those with fewer decimals keep the room of theirs.
  const most = Math.max(0, ...totals.map((total) => decimals(total.currency)));
  const room = (total) => {
    const own = decimals(total.currency);
    return own < most && h("span", { class: "room", "aria-hidden": "true" }, `${own ? "" : "."}${"0".repeat(most - own)}`);
  };
  return h("div", { class: "scroll" }, h("table", { class: "figures" },
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Currency"),
      columns.map(([label]) => h("th", { scope: "col", class: "amount" }, label)))),
    h("tbody", {}, totals.map((total) => h("tr", {}, h("th", { scope: "row" }, total.currency),
      columns.map(([label, cell, count]) => {
        const shown = h("td", { class: "amount", "data-label": label }, cell(total));
        if (!count && !shown.querySelector(".nil")) shown.append(room(total) || "");
        return shown;
      }))))));
}

export const dash = (minor, currency) => (BigInt(minor) === 0n ? h("span", { class: "nil" }, "–") : amount(minor, currency));

/** How much of a total each part is. parts: [[name, minor]…]; drawn to scale, and told in words. */
export function bar(parts, currency, { legend = true } = {}) {
  const whole = parts.reduce((sum, [, minor]) => sum + BigInt(minor), 0n);
  let left = 0;
  const pieces = whole === 0n ? [] : parts.filter(([, minor]) => BigInt(minor) > 0n).map(([name, minor]) => {
    const width = Number((BigInt(minor) * 100000n) / whole) / 1000;
    const piece = svg("rect", { class: name, x: `${left}%`, y: 0, width: `${Math.max(width, 0.4)}%`, height: "100%" });
    left += width;
    return piece;
  });
  const told = parts.map(([name, minor]) => `${name} ${money(minor, currency)}`).join(", ");
  return h("div", { class: "share" },
    svg("svg", { class: "bar", role: "img", "aria-label": told }, pieces),
    legend && h("p", { class: "legend", "aria-hidden": "true" }, parts.filter(([, minor]) => BigInt(minor) > 0n)
      .map(([name, minor]) => h("span", { class: `state ${name}` }, `${name} ${amount(minor, currency)}`))));
}

/** Buttons for what changes money: for whom they are no use they are not there, and it is said why. */
export const actions = (...buttons) => session.may("operate")
  ? h("div", { class: "actions" }, buttons)
  : h("p", { class: "small actions" }, `Your key “${session.caller?.key}” may read only. Moving money needs a key that may operate.`);

export const button = (label, onclick, properties = {}) => h("button", { type: "button", onclick, ...properties }, label);

/** A labelled input. `hint` stands under it; `error(text)` replaces it. */
export function field(label, properties, hint = "") {
  const id = `f${++field.count}`;
  const note = h("p", { class: "hint", id: `${id}n` }, hint);
  const input = h("input", { id, "aria-describedby": `${id}n`, autocomplete: "off", ...properties });
  const element = h("div", { class: "field" }, h("label", { for: id }, label), input, note);
  return { element, input, error(text) {
    note.textContent = text || hint;
    note.classList.toggle("wrong", Boolean(text));
    input.setAttribute("aria-invalid", text ? "true" : "false");
  } };
}
field.count = 0;

/** A choice among few, as links that can be shared. choices: [[label, href, chosen]…] */
export const tabs = (label, choices) => h("nav", { class: "tabs", "aria-label": label },
  choices.map(([text, href, chosen]) => h("a", { href, "aria-current": chosen ? "true" : null }, text)));

/**
 * A dialog over the page; the browser keeps the focus in it and gives it back.
 * @returns {element, body, close(), signal}  the signal is aborted when it closes
 */
export function dialog(title) {
  const gone = new AbortController();
  const id = `d${++field.count}`;
  const body = h("div", { class: "body" });
  const element = h("dialog", { "aria-labelledby": id },
    h("header", {}, h("h2", { id, tabindex: "-1" }, title),
      button("Close", () => element.close(), { class: "plain" })),
    body);
  const cameFrom = document.activeElement;
  element.addEventListener("close", () => {
    gone.abort();
    element.remove();
    (cameFrom?.isConnected ? cameFrom : document.querySelector("#main h1"))?.focus();
  });
  document.body.append(element);
  element.showModal();
  element.querySelector("h2").focus();
  return { element, body, signal: gone.signal, close: () => element.close() };
}

/** Copies a text; the button says that it did. */
export const copier = (text, label) => button("copy", async (click) => {
  await navigator.clipboard.writeText(text).then(
    () => { click.target.textContent = "copied"; say(`${label} copied`); },
    () => { click.target.textContent = "select it instead"; });
}, { class: "plain small", "aria-label": `Copy ${label}` });

export const count = grouped;
