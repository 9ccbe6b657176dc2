// Elements without a framework, and words that pages share.

const real = (children) => children.flat(Infinity)
  .filter((child) => child !== null && child !== undefined && child !== false && child !== "");

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...real(children));
  return element;
}

/** h("a", {href, class, onclick}, "text", element, …) */
export const h = (name, properties, ...children) => fill(document.createElement(name), properties, children);

/** The same for SVG. */
export const svg = (name, properties, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);

/** Puts `children`, as h takes them, in the place of what is in `element`. */
export const put = (element, ...children) => element.replaceChildren(...real(children));

/** The same for what is drawn anew while it is read: what was unfolded stays so, and the focus where it was. */
export function renew(element, ...children) {
  const selection = getSelection();
  if (String(selection) && element.contains(selection.anchorNode)) return;
  const stops = () => [...element.querySelectorAll("a, button, summary, input")];
  const unfolded = [...element.querySelectorAll("details")].map((each) => each.open);
  const focused = stops().indexOf(document.activeElement);
  put(element, children);
  if (unfolded.length) element.querySelectorAll("details").forEach((each, i) => { each.open = unfolded[i] ?? each.open; });
  if (focused >= 0) stops()[focused]?.focus({ preventScroll: true });
}

/** Tells a screen reader, without moving the focus. */
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = "";
  requestAnimationFrame(() => { said.textContent = text; });
}

/** The address of a page: #/groups/campaign%3A7?status=LOCKED */
export function link(parts, query = {}) {
  const path = parts.map((part) => encodeURIComponent(part).replaceAll("%3A", ":").replaceAll("%40", "@"));
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#/${path.join("/")}${search && "?" + search}`;
}

const two = (number) => String(number).padStart(2, "0");

/** "2026-11-24 09:00:00" in UTC */
export function utc(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return String(text);
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ` +
    `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

/** A time, in UTC to the second; the reader's own time when it is pointed at. */
export function time(text, { zone = true } = {}) {
  if (!text) return "";
  return h("time", { datetime: text, title: new Date(text).toLocaleString(undefined, { timeZoneName: "short" }) },
    utc(text), zone && h("span", { class: "zone" }, " UTC"));
}

/** "4 minutes ago", to the coarse unit */
export function since(text, now = Date.now()) {
  const seconds = Math.round((now - new Date(text)) / 1000);
  return seconds < 0 ? `in ${span(-seconds)}` : seconds < 2 ? "just now" : `${span(seconds)} ago`;
}

export function span(seconds) {
  for (const [size, unit] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return `${Math.floor(seconds)} second${Math.floor(seconds) === 1 ? "" : "s"}`;
}

/** A name that may be long: it breaks at its separators rather than widen the page. */
export function name(text) {
  const parts = String(text).split(/(?<=[:/._@-])/);
  return h("span", { class: "name" }, parts.map((part, i) => (i ? [h("wbr"), part] : part)));
}

export const account = (text) => h("a", { href: link(["accounts", text]) }, name(text));
export const group = (text) => h("a", { href: link(["groups", text]) }, name(text));
export const escrow = (id, text) => h("a", { href: link(["escrows", String(id)]) }, name(text ?? id));
export const event = (seq) =>
  h("a", { href: link(["events"], { seq: String(seq) }), class: "seq", "data-seq": String(seq) }, Number(seq).toLocaleString("en"));

/** A random key, for a command that may take effect once. */
export function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "console:" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Gathers what comes one by one and gives it on together, a few times a second: what streams in may be faster than a
 * page can be drawn. The last `most` are kept, and `lost` says whether there were more.
 */
export function gather(most, give, signal) {
  let kept = [];
  let lost = false;
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return (each) => {
    kept.push(each);
    if (kept.length > 2 * most) {
      kept = kept.slice(-most);
      lost = true;
    }
    timer ||= setTimeout(() => {
      const [rows, more] = [kept.slice(-most), lost || kept.length > most];
      [kept, lost, timer] = [[], false, 0];
      give(rows, more);
    }, 150);
  };
}

/** Runs `work` every `seconds` while the page is seen, until it is left; never twice at once. */
export function every(seconds, work, signal) {
  let timer = 0;
  const again = async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    if (!document.hidden) await work();
    if (!signal.aborted) timer = setTimeout(again, seconds * 1000);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) again(); }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  timer = setTimeout(again, seconds * 1000);
  return again;
}
