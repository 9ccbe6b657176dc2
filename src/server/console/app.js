// The frame around the pages: who is there, where they are, and the search that is always at hand.
import { Problem, get, query, session } from "./api.js";
import { every, h, link, put, say } from "./dom.js";
import { button, dialog, failed, field } from "./parts.js";

const pages = {
  "": ["Overview", () => import("./overview.js"), "overview"],
  groups: ["Groups", () => import("./groups.js"), "groups", "group"],
  escrows: ["", () => import("./escrow.js"), "find", "escrow"],
  accounts: ["Accounts", () => import("./accounts.js"), "accounts", "account"],
  plans: ["", () => import("./accounts.js"), "plans"],
  events: ["Events", () => import("./events.js"), "events"],
  health: ["Health", () => import("./health.js"), "health"],
};

const app = document.getElementById("app");
let main;
let leaving = new AbortController();
let framed = new AbortController();
let visits = 0;

/** A key in the address, as the server prints it, is taken out of it before anything else is done. */
function takeKey() {
  const found = /^#key=(.+)$/.exec(location.hash);
  if (!found) return;
  session.enter(decodeURIComponent(found[1]));
  history.replaceState(null, "", location.pathname);
}

function place() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: Object.fromEntries(new URLSearchParams(search)) };
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { parts, query: given } = place();
  const [kind = "", ...rest] = parts;
  const page = pages[kind];
  for (const each of document.querySelectorAll("#pages a")) {
    const current = each.dataset.page === (({ escrows: "groups", plans: "accounts" })[kind] ?? kind);
    current ? each.setAttribute("aria-current", "page") : each.removeAttribute("aria-current");
  }
  const name = rest.join("/");
  const context = { name, query: given, signal, go: (fields) => {
    location.hash = link(parts, { ...given, ...fields });
  }, again: show };
  try {
    if (!page) throw new Problem(`The console has no page “${kind}”.`, { status: 404, where: location.hash });
    const module = await page[1]().catch(() => {
      throw new Problem("The server did not answer, and this page was not read from it before. Is it running, and is the network there?", { where: location.hash, answered: false });
    });
    const make = module[name ? page[3] ?? page[2] : page[2]];
    if (signal.aborted) return;
    const { title, content } = make(context);
    document.title = `${title} – Holdfast`;
    put(main, ...content);
  } catch (problem) {
    if (signal.aborted) return;
    document.title = "Holdfast";
    put(main, h("h1", { tabindex: "-1", class: "unseen" }, "Not shown"), failed(problem, show));
  }
  if (visits++ > 0) {
    scrollTo(0, 0);
    main.querySelector("h1")?.focus({ preventScroll: true });
  }
}

/** A combobox over /v1/search: arrows choose, Enter opens, what is exact comes first. */
function search() {
  const input = h("input", { type: "search", id: "search", role: "combobox", "aria-expanded": "false", "aria-controls": "found",
    "aria-autocomplete": "list", "aria-label": "Search an escrow, account, group or event", autocomplete: "off",
    spellcheck: "false", placeholder: "Search  ( / )" });
  const found = h("ul", { id: "found", role: "listbox", "aria-label": "Found", hidden: true });
  let asked = new AbortController();
  let timer = 0;
  let chosen = -1;
  const options = () => [...found.querySelectorAll("[role=option]")];
  const close = () => {
    asked.abort();
    clearTimeout(timer);
    found.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const address = (row) => ({
    escrow: () => link(["escrows", String(row.id)]), account: () => link(["accounts", row.id]),
    group: () => link(["groups", row.id]), event: () => link(["events"], { seq: String(row.id) }),
  })[row.kind]();
  // An escrow's label begins with its key; all others are called as they are.
  const nameOf = (row) => (row.kind === "escrow" ? row.label ?? `escrow ${row.id}`
    : [h("span", {}, row.kind === "event" ? `event ${row.id}` : row.id), " ", row.label && h("span", { class: "small" }, row.label)]);
  const choose = (index) => {
    const all = options();
    all[chosen]?.setAttribute("aria-selected", "false");
    chosen = (index + all.length) % all.length;
    all[chosen]?.setAttribute("aria-selected", "true");
    all[chosen]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `o${chosen}`);
  };
  const open = (href) => {
    close();
    input.value = "";
    if (location.hash === href) show();
    location.hash = href;
  };
  const look = async () => {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    const text = input.value.trim();
    if (!text) return close();
    let rows = [];
    let told = "Nothing has this name. An escrow is found by its whole id or key, a name by its beginning.";
    try {
      rows = (await get(query("/v1/search", { q: text }), signal)).rows;
    } catch (problem) {
      if (problem.name === "AbortError") return;
      told = problem.message;
    }
    if (signal.aborted) return;
    put(found, ...rows.map((row, i) => h("li", { role: "option", id: `o${i}`, "aria-selected": "false",
      "data-href": address(row), onclick: () => open(address(row)) },
    h("span", { class: "kind" }, row.kind), h("span", { class: "name" }, nameOf(row)))));
    if (!rows.length) found.append(h("li", { class: "none", role: "presentation" }, told));
    found.hidden = false;
    chosen = -1;
    input.setAttribute("aria-expanded", "true");
    say(rows.length ? `${rows.length} found` : told);
    if (rows.length) choose(0);
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 120); });
  input.addEventListener("keydown", async (press) => {
    if (press.key === "Escape") { close(); input.value = ""; }
    if (press.key === "ArrowDown" || press.key === "ArrowUp") {
      press.preventDefault();
      if (options().length) choose(chosen + (press.key === "ArrowDown" ? 1 : -1));
    }
    if (press.key === "Enter") {
      press.preventDefault();
      clearTimeout(timer);
      if (found.hidden || chosen < 0) await look();
      const href = options()[Math.max(chosen, 0)]?.dataset.href;
      if (href) open(href);
    }
  });
  // A click on what was found comes after the blur. Who is back by then goes on typing.
  input.addEventListener("blur", () => setTimeout(() => { if (document.activeElement !== input) close(); }, 200));
  return h("div", { class: "search", role: "search" }, input, found);
}

function help() {
  const shown = dialog("Keys");
  const keys = [["/", "search"], ["Tab", "to the next thing; a table is one of them"],
    ["↑ ↓", "from row to row of a table, or of what was found"], ["← →", "from link to link in a row"],
    ["Enter", "open"], ["Space", "choose a row, where rows can be chosen"], ["Esc", "close"], ["?", "this"]];
  shown.body.append(h("dl", { class: "keys" }, keys.map(([key, does]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)))));
}

/** What nobody must overlook, on every page: the server takes no commands, or is not ready. */
function alarm(signal) {
  const place = h("div", { class: "alarm", role: "alert" });
  const look = every(10, async () => {
    let state = null;
    try {
      state = await (await fetch("/readyz", { signal })).json();
    } catch { /* that the server is away is told where something is asked of it */ }
    const title = state?.commands_stopped ? "A law is broken: no command is taken." : state?.reason && "The server is not ready.";
    const what = title ? `${title} ${state.commands_stopped ?? state.reason}` : "";
    if (place.textContent !== what) put(place, title && h("p", {}, h("strong", {}, title), ` ${state.commands_stopped ?? state.reason}`));
  }, signal);
  look();
  return place;
}

const mayDo = { read: "read", operate: "read and move money", admin: "do everything" };

function frame() {
  framed.abort();
  framed = new AbortController();
  main = h("main", { id: "main", tabindex: "-1" });
  put(app, 
    h("header", { class: "top" },
      h("div", { class: "bar-top" },
        h("a", { href: "#/", class: "brand" }, "Holdfast"),
        h("nav", { id: "pages", "aria-label": "Pages" }, Object.entries(pages).filter(([, [label]]) => label)
          .map(([kind, [label]]) => h("a", { href: kind ? `#/${kind}` : "#/", "data-page": kind }, label))),
        search())),
    alarm(framed.signal),
    main,
    h("footer", { class: "bottom" },
      h("p", {}, "Signed in as ", h("strong", {}, session.caller.key), `, who may ${mayDo[session.caller.role] ?? session.caller.role}. Times are UTC.`),
      h("p", {}, button("Keys", help, { class: "plain" }), " ", button("Sign out", () => { session.leave(); login(); }, { class: "plain" }))));
  show();
}

function login(told) {
  leaving.abort();
  framed.abort();
  document.title = "Sign in – Holdfast";
  main = null;
  const key = field("API key", { type: "password", name: "key", autocomplete: "current-password", required: true, spellcheck: "false",
    autocapitalize: "off" }, "It stays in this tab and ends with it.");
  const submit = h("button", { type: "submit", class: "primary" }, "Sign in");
  const form = h("form", { class: "login", onsubmit: async (event) => {
    event.preventDefault();
    if (!key.input.value.trim()) return key.error("Give a key: it begins with hf_.");
    submit.disabled = true;
    session.enter(key.input.value.trim());
    await enter();
    submit.disabled = false;
  } },
  h("p", { class: "brand" }, "Holdfast"),
  h("h1", {}, "Sign in"), key.element, submit,
  h("p", { class: "small" }, "A key is made by whoever runs the server: ", h("code", {}, "holdfast keys create NAME --role read"), "."));
  put(app, h("main", { id: "main", tabindex: "-1" }, form));
  if (told) key.error(told);
  key.input.focus();
}

async function enter() {
  if (!session.key) return login();
  session.expired = () => {};
  try {
    session.caller = await get("/v1/whoami");
  } catch (problem) {
    if (problem.status === 401) {
      session.leave();
      return login("This key is unknown here, or was revoked.");
    }
    put(app, h("main", { id: "main" }, h("h1", { class: "unseen" }, "Holdfast"), failed(problem, enter)));
    return undefined;
  }
  session.expired = () => { session.leave(); login("Your key was revoked, or the server has started anew: sign in again."); };
  return frame();
}

addEventListener("hashchange", () => {
  if (/^#key=/.test(location.hash)) {
    takeKey();
    enter();
  } else if (location.hash === "#main") {
    history.replaceState(null, "", location.pathname);
    main?.focus();
  } else if (main) {
    show();
  }
});
document.addEventListener("click", (click) => {
  if (!click.target.closest?.("a.skip")) return;
  click.preventDefault();
  document.getElementById("main")?.focus();
});
document.addEventListener("keydown", (press) => {
  if (press.target.closest("input, textarea, select, dialog") || press.ctrlKey || press.metaKey || press.altKey) return;
  if (press.key === "/") {
    press.preventDefault();
    document.getElementById("search")?.focus();
  }
  if (press.key === "?" && main) help();
});
takeKey();
enter();
