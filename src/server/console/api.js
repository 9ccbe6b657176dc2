// Questions to the server, and its answers. The key lives in sessionStorage: it ends with the tab.
import { parse, print } from "./json.js";

const keyPlace = "holdfast.key";

export const session = {
  key: sessionStorage.getItem(keyPlace),
  caller: null, // {key, role}, once the server has said so
  expired: () => {}, // called where the server no longer knows the key
  enter(key) { this.key = key; sessionStorage.setItem(keyPlace, key); },
  leave() { this.key = this.caller = null; sessionStorage.removeItem(keyPlace); },
  may(role) {
    const order = ["read", "operate", "admin"];
    return order.indexOf(this.caller?.role) >= order.indexOf(role);
  },
};

/** What went wrong: what, where, and what the server called it. `answered` is false where no answer came. */
export class Problem extends Error {
  constructor(message, fields) {
    super(message);
    Object.assign(this, { status: 0, code: "", request: "", where: "", answered: true }, fields);
  }
}

/** path`/v1/groups/${name}/summary`: what is put in is encoded. */
export const path = (texts, ...values) =>
  texts.reduce((all, text, i) => all + encodeURIComponent(values[i - 1]) + text);

/** path + ?a=1&b=2, leaving out what is empty */
export function query(address, fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `${address}?${new URLSearchParams(given)}` : address;
}

async function ask(address, { method = "GET", headers = {}, body, signal } = {}) {
  const where = `${method} ${address}`;
  let response;
  try {
    response = await fetch(address, {
      method, body, signal, cache: "no-store", credentials: "omit", redirect: "error",
      headers: { Authorization: `Bearer ${session.key}`, ...headers },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server did not answer. Is it running, and is the network there?", { where, answered: false });
  }
  if (response.ok) return response;
  throw await problemOf(response, where);
}

async function problemOf(response, where) {
  const fields = { status: response.status, where, request: response.headers.get("X-Request-Id") ?? "" };
  if (response.status === 401) session.expired();
  try {
    const told = parse(await response.text());
    return new Problem(told.detail ?? told.title ?? `The server answered ${response.status}.`,
      { ...fields, code: told.code ?? "", items: told.items, counts: told.counts });
  } catch {
    return new Problem(`The server answered ${response.status}, in no form that is known here.`, fields);
  }
}

async function body(response, where) {
  try {
    return parse(await response.text());
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The answer broke off.", { where, answered: false });
  }
}

export async function get(address, signal) {
  return body(await ask(address, { signal }), `GET ${address}`);
}

/** A command. `key`: its Idempotency-Key, where it changes something. */
export async function post(address, command, { key, signal } = {}) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers["Idempotency-Key"] = key;
  const response = await ask(address, { method: "POST", headers, body: print(command), signal });
  return body(response, `POST ${address}`);
}

/** The answer itself, for what is read as it comes. */
export const open = (address, accept, signal) => ask(address, { headers: { Accept: accept }, signal });

const seen = () => new Promise((done) => {
  if (!document.hidden) return done();
  return document.addEventListener("visibilitychange", function look() {
    if (document.hidden) return;
    document.removeEventListener("visibilitychange", look);
    done();
  });
});

/**
 * Server-sent events, for as long as `signal` is not aborted; comes back by itself where it left off.
 * A tab that is not seen lets go: a browser has six connections to a server, for all of its tabs.
 * @param tell {event(data), state("live" | "waiting", problem?)}
 */
export async function follow(after, tell, signal) {
  let last = after;
  let delay = 1;
  while (!signal.aborted) {
    await seen();
    if (signal.aborted) return;
    const hidden = new AbortController();
    let problem = null;
    const hide = () => { if (document.hidden) hidden.abort(); };
    document.addEventListener("visibilitychange", hide);
    try {
      const response = await ask(`/v1/events?after=${last}`,
        { headers: { Accept: "text/event-stream", "Last-Event-ID": String(last) }, signal: AbortSignal.any([signal, hidden.signal]) });
      tell.state("live");
      delay = 1;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
          if (!data) continue;
          const happened = parse(data);
          last = happened.seq;
          tell.event(happened);
        }
      }
    } catch (error) {
      if (signal.aborted || error.status === 401 || error.status === 403) return;
      problem = error;
    } finally {
      document.removeEventListener("visibilitychange", hide);
    }
    if (signal.aborted) return;
    if (hidden.signal.aborted) continue;
    tell.state("waiting", problem);
    await new Promise((done) => { setTimeout(done, delay * 1000); });
    delay = Math.min(delay * 2, 15);
  }
}
