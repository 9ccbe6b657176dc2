// Accounts; and an account with both buckets, its statement and its escrows.
import { Problem, get, open, path, query } from "./api.js";
import { account as accountLink, event, h, link, time, put } from "./dom.js";
import { bar, button, dash, empty, field, fillWith, heading, openness, section, tabs } from "./parts.js";
import { amount, grouped, money, signed } from "./money.js";
import { beginning, beginningForm, list, table } from "./table.js";
import { escrows } from "./groups.js";

export function accounts({ query: { begins = "" }, signal, go }) {
  const shown = list({
    caption: "Accounts", thing: "account", signal, load: beginning("/v1/accounts", "account", begins, 100, signal),
    none: begins ? empty("No account begins so.", "Large and small letters differ.") : empty("No account yet.", "Accounts are opened by the command open_account."),
    columns: [
      { label: "Account", kind: "main", cell: (row) => accountLink(row.account) },
      { label: "Kind", cell: (row) => row.kind },
      { label: "State", kind: "minor", cell: (row) => openness(row.open) },
      { label: "Available", kind: "amount", cell: (row) => dash(row.available, row.currency) },
      { label: "Held", kind: "amount", cell: (row) => dash(row.held, row.currency) },
      { label: "Currency", cell: (row) => row.currency },
    ],
  });
  return { title: "Accounts", content: [
    heading("Accounts", { over: "By name", beside: h("a", { class: "small", href: link(["plans"]) }, "Fee plans") }),
    beginningForm(begins, go), shown.element] };
}

/** 0.05 is 5 %: the point moves, no number is made of it. */
function percent(rate) {
  const [whole, part = ""] = rate.split(".");
  const digits = `${whole}${part.padEnd(2, "0")}`;
  const at = whole.length + 2;
  const rest = digits.slice(at).replace(/0+$/, "");
  return `${digits.slice(0, at).replace(/^0+(?=\d)/, "")}${rest && `.${rest}`} %`;
}

function rule(fee, currency) {
  const parts = [percent(fee.rate), BigInt(fee.fixed) > 0n && `+ ${amount(fee.fixed, currency)}`, BigInt(fee.min) > 0n && `at least ${amount(fee.min, currency)}`,
    fee.max !== null && `at most ${amount(fee.max, currency)}`].filter(Boolean);
  return [parts.join(", ").replace(", +", " +"), " → ", accountLink(fee.to)];
}

const roundings = { half_up: "half up", half_even: "half to even", down: "down", up: "up" };

export function plans({ signal }) {
  const place = h("div", {});
  fillWith(place, async () => {
    const { rows } = await get("/v1/fee-plans", signal);
    if (!rows.length) return empty("No fee plan yet.", "Fee plans are made by the command define_fee_plan.");
    const shown = table("Fee plans", [
      { label: "Fee plan", kind: "main", cell: (row) => h("span", { class: "name" }, row.fee_plan) },
      { label: "Version", kind: "amount", cell: (row) => grouped(row.version) },
      { label: "Currency", cell: (row) => row.currency },
      { label: "Commission", cell: (row) => rule(row.commission, row.currency) },
      { label: "Processor fee", cell: (row) => rule(row.processor_fee, row.currency) },
      { label: "Rounding", kind: "minor", cell: (row) => roundings[row.rounding] ?? row.rounding },
    ]);
    shown.append(rows);
    return [shown.element, h("p", { class: "small" }, "An escrow keeps the version that it was held under.")];
  }, { signal, rows: 4 });
  return { title: "Fee plans", content: [heading("Fee plans", { over: "How a release is split" }), place] };
}

export function account(context) {
  const { name, query: given, signal } = context;
  const head = h("div", {});
  const below = h("div", {});
  const view = given.view ?? "statement";
  const choice = (text, value) => [text, link(["accounts", name], { view: value === "statement" ? "" : value }), view === value];
  fillWith(head, async () => {
    const got = await get(path`/v1/accounts/${name}`, signal);
    put(below, 
      tabs("Of this account", [choice("Statement", "statement"), choice("Escrows it pays", "pays"), choice("Escrows for it", "gets")]),
      ...(view === "pays" ? escrows(context, { payer: name }) : view === "gets" ? escrows(context, { beneficiary: name }) : statement(context, got)));
    return [
      h("p", { class: "sum" }, money(got.available, got.currency), h("span", { class: "small" }, " available")),
      BigInt(got.held) !== 0n && h("p", { class: "lead" }, money(got.held, got.currency), h("span", { class: "small" }, " held in its escrows")),
      h("p", { class: "lead small" }, `${kinds[got.kind] ?? got.kind} · `, openness(got.open)),
      BigInt(got.available) > 0n && BigInt(got.held) > 0n && bar([["available", got.available], ["held", got.held]], got.currency),
    ].filter(Boolean);
  }, { rows: 3, signal });
  return { title: name, content: [heading(name, { over: "Account" }), head, below] };
}

const kinds = { user: "A user", beneficiary: "A beneficiary", platform: "Commissions of the platform", fees: "Owed to the processor",
  external: "A place outside the ledger; it may go below zero" };

const what = { deposit: "Deposit", withdraw: "Withdrawal", transfer: "Transfer", hold: "Escrow held", release: "Release", refund: "Refund",
  resolve: "Resolution", atomic: "Several at once" };

/** Lines of one event stand together: a hold moves between both buckets at once. */
function together(rows) {
  const events = [];
  for (const row of rows) {
    const last = events.at(-1);
    if (last?.seq === row.seq && !last[row.bucket]) last[row.bucket] = row;
    else events.push({ ...row, [row.bucket]: row });
  }
  return events;
}

const day = (text) => (/^\d{4}-\d\d-\d\d$/.test(text ?? "") ? text : "");
const iso = (date) => date.toISOString().slice(0, 10);

/** The instant a day begins; `until` is taken in as a whole day. */
function period({ from, until }) {
  const end = day(until) && new Date(new Date(`${until}T00:00:00Z`).getTime() + 86400000).toISOString();
  return { from: day(from) && `${from}T00:00:00Z`, to: end && end.replace(".000Z", "Z") };
}

function statement({ name, query: given, signal, go }, got) {
  const { currency } = got;
  const limits = period(given);
  const change = (bucket) => (row) => row[bucket] && h("span", { class: BigInt(row[bucket].amount) < 0n ? "out" : "in" }, signed(row[bucket].amount, currency));
  const balance = (bucket) => (row) => row[bucket] && amount(row[bucket].balance, currency);
  const shown = list({
    caption: `Statement of ${name}`, thing: "line", signal,
    load: async (after) => {
      const page = await get(query(path`/v1/accounts/${name}/statement`, { after, limit: 100, ...limits }), signal);
      return { rows: together(page.rows), next: page.next };
    },
    none: empty("Nothing was posted in this time.", limits.from || limits.to ? "Choose another period above." : "The account is new."),
    columns: [
      { label: "Date (UTC)", kind: "when", cell: (row) => time(row.at, { zone: false }) },
      { label: "What", kind: "main", cell: (row) => [what[row.op] ?? row.op, row.escrows > 1 && ` of ${grouped(row.escrows)} escrows`,
        row.reference && h("span", { class: "small name" }, ` ${row.reference}`)] },
      { label: "Event", kind: "minor", cell: (row) => event(row.seq) },
      { label: "Available", kind: "amount", cell: change("available") },
      { label: "Balance", kind: "amount balance", cell: balance("available") },
      { label: "Held", kind: "amount", cell: change("held") },
      { label: "Held balance", kind: "amount balance", cell: balance("held") },
    ],
  });
  const from = field("From", { type: "date", value: day(given.from) });
  const until = field("Until, with that day", { type: "date", value: day(given.until) });
  const today = new Date();
  const month = (back) => [new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - back, 1)),
    new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - back + 1, 0))].map(iso);
  const quick = (label, first, last) => button(label, () => go({ from: first, until: last }), { class: "plain" });
  const told = h("span", { class: "small", role: "status" });
  return [
    h("form", { class: "period", onsubmit: (submit) => {
      submit.preventDefault();
      go({ from: from.input.value, until: until.input.value });
    } }, from.element, until.element, h("button", { type: "submit" }, "Show"),
    h("span", { class: "quick" }, quick("This month", ...month(0)), quick("Last month", ...month(1)), quick("All", "", "")),
    h("span", { class: "push" }, button("Download CSV", (click) => download(name, limits, click.target, told, signal)), told)),
    shown.element,
  ];
}

/** The statement as a file. It is fetched, because the key goes in a header, which a link cannot carry. */
async function download(name, limits, pressed, told, signal) {
  pressed.disabled = true;
  told.textContent = "Fetching…";
  try {
    const response = await open(query(path`/v1/accounts/${name}/statement`, limits), "text/csv", signal);
    const pieces = [];
    let bytes = 0;
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(new Blob([value]));
      bytes += value.length;
      told.textContent = `${grouped(Math.ceil(bytes / 1024))} KB`;
    }
    const url = URL.createObjectURL(new Blob(pieces, { type: "text/csv" }));
    const file = `statement-${name.replaceAll(/[^A-Za-z0-9._-]/g, "_")}.csv`;
    h("a", { href: url, download: file }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    told.textContent = `Saved as ${file}`;
  } catch (problem) {
    if (problem.name === "AbortError") return;
    told.textContent = `Not saved: ${problem instanceof Problem ? problem.message : "the answer broke off."}`;
  } finally {
    pressed.disabled = false;
  }
}

