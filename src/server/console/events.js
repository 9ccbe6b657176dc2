// Events: the chain as it grows, newest first; further back as asked; each with its postings.
import { follow, get, path, query } from "./api.js";
import { account, escrow, event, gather, h, link, put, say, time } from "./dom.js";
import { button, copier, empty, facts, failed, field, fillWith, heading, section } from "./parts.js";
import { grouped, signed, sums } from "./money.js";
import { table } from "./table.js";

const page = 100;
const reach = 1000; // how many events a look further back goes through
const most = 1000; // rows that are kept of what streams in

export const opWords = {
  open_account: "account opened", close_account: "account closed", define_fee_plan: "fee plan defined", deposit: "deposit", withdraw: "withdrawal",
  transfer: "transfer", hold: "held", release: "released", refund: "refunded", freeze: "frozen", resolve: "resolved", reschedule: "rescheduled",
  close_group: "group closed", reopen_group: "group reopened", atomic: "several at once",
};

const accountsOf = (row) => [...new Set(row.postings.map((posting) => posting.account))];

export const eventColumns = [
  { label: "Event", kind: "main", cell: (row) => event(row.seq) },
  { label: "Time (UTC)", kind: "when", cell: (row) => time(row.at, { zone: false }) },
  { label: "What", cell: (row) => opWords[row.op] ?? row.op },
  { label: "Who", cell: (row) => row.actor ?? "" },
  { label: "Of what", kind: "wide", cell: (row) => about(row) },
  { label: "Reason", kind: "minor", cell: (row) => [row.reason, row.reference].filter(Boolean).join(" · ") },
];

/** What an event moved, where its answer does not say: each of these moves once what it moves. */
function moved(row) {
  if (!["hold", "deposit", "withdraw", "transfer"].includes(row.op)) return "";
  const came = row.postings.filter((posting) => BigInt(posting.amount) > 0n);
  return came.length === 1 && `${sums(came)} `;
}

function about(row) {
  const totals = (row.result?.totals ?? []).filter((total) => total.escrows > 0);
  const several = row.escrow_count > 1;
  return [
    moved(row),
    totals.length > 0 && `${several ? `${grouped(row.escrow_count)} escrows, ` : ""}${sums(totals)} `,
    row.escrow_count === 1 && row.escrows?.length === 1 && [escrow(row.escrows[0], `escrow ${row.escrows[0]}`), " "],
    several && !totals.length && `${grouped(row.escrow_count)} escrows `,
    !totals.length && accountsOf(row).slice(0, 3).map((each, i) => [i > 0 && ", ", account(each)]),
  ].flat(3).filter(Boolean);
}

export function events(context) {
  if (context.query.seq) return single(context);
  const { query: given, signal, go } = context;
  const keep = (row) => (!given.op || row.op === given.op) && (!given.actor || row.actor === given.actor) &&
    (!given.account || row.postings.some((posting) => posting.account === given.account));
  const live = h("span", { class: "small live", role: "status" });
  const head = h("div", {});
  const grid = table("Events, newest first", eventColumns);
  const foot = h("div", { class: "foot" });
  let oldest = 0;
  let looked = 0;
  const filtered = given.op || given.actor || given.account;

  const kind = h("select", { id: "op", onchange: (change) => go({ op: change.target.value }) },
    h("option", { value: "" }, "every kind"),
    Object.entries(opWords).map(([op, words]) => h("option", { value: op, selected: op === given.op }, words)));
  const actor = field("Who", { value: given.actor ?? "", spellcheck: "false" });
  const of = field("Account", { value: given.account ?? "", spellcheck: "false" });
  const form = h("form", { class: "period", onsubmit: (submit) => {
    submit.preventDefault();
    go({ actor: actor.input.value.trim(), account: of.input.value.trim() });
  } },
  h("div", { class: "field" }, h("label", { for: "op" }, "Kind"), kind), actor.element, of.element, h("button", { type: "submit" }, "Show"),
  filtered && button("All", () => go({ op: "", actor: "", account: "" }), { class: "plain" }));

  const drawHead = (seq, hash) => put(head, facts([
    ["Last event", h("span", { class: "digits" }, grouped(seq))],
    hash && ["Head hash", h("code", { class: "hash" }, hash), " ", copier(hash, "the head hash")]]));

  /** Reads backwards in whole pages until something fits, or it has gone far enough for once. */
  async function back() {
    put(foot, h("p", { class: "small", role: "status" }, "Reading…"));
    let found = 0;
    try {
      for (let went = 0; oldest > 0 && went < reach && found < page; went += page) {
        const from = Math.max(0, oldest - page);
        const got = await get(query("/v1/events", { after: from, limit: oldest - from }), signal);
        const rows = got.rows.filter(keep).reverse();
        grid.append(rows);
        found += rows.length;
        looked += oldest - from;
        oldest = from;
        if (found && !filtered) break;
      }
    } catch (problem) {
      if (problem.name !== "AbortError") put(foot, failed(problem, back));
      return;
    }
    tell();
  }

  function tell() {
    const shown = grid.body.rows.length;
    const told = filtered ? `${grouped(shown)} of the ${grouped(looked)} events from ${grouped(oldest + 1)} on` : "";
    put(foot, 
      shown === 0 && oldest === 0 ? empty(filtered ? "No event fits." : "Nothing has happened yet.") : h("p", { class: "small" }, told),
      oldest > 0 ? button(filtered ? "Look further back" : "Show earlier ones", async () => { await back(); say(`${grid.body.rows.length} shown`); })
        : h("p", { class: "small" }, shown > 0 && "This is the beginning."));
  }

  fillWith(head, async () => {
    const now = await get("/v1/status", signal);
    oldest = Number(now.seq);
    await back();
    follow(Number(now.seq), {
      state: (state, problem) => { live.textContent = state === "live" ? "live" : problem ? `waiting: ${problem.message}` : "waiting"; },
      event: gather(most, (rows, lost) => {
        drawHead(rows.at(-1).seq, rows.at(-1).hash);
        looked += rows.length;
        if (lost) { // what lies between is read again by who looks further back
          grid.clear();
          oldest = rows[0].seq - 1;
          looked = rows.length;
        }
        const kept = rows.filter(keep);
        grid.prepend(kept);
        for (const row of [...grid.body.rows].slice(0, kept.length)) row.classList.add("new");
        while (grid.body.rows.length > most) {
          oldest = Math.max(oldest, Number(grid.body.lastElementChild.querySelector(".seq").dataset.seq) - 1);
          grid.body.lastElementChild.remove();
        }
        if (kept.length || lost) tell();
      }, signal),
    }, signal);
    drawHead(now.seq, now.head);
    return [...head.childNodes];
  }, { rows: 2, signal });

  return { title: "Events", content: [heading("Events", { over: "Newest first", beside: live }), head, form, grid.element, foot] };
}

/** One event, with its postings. */
function single({ query: { seq }, signal }) {
  const place = h("div", {});
  const number = /^\d{1,18}$/.test(seq) ? Number(seq) : 0;
  fillWith(place, async () => {
    const got = number > 0 ? (await get(query("/v1/events", { after: number - 1, limit: 1 }), signal)).rows[0] : null;
    if (!got || Number(got.seq) !== number) {
      return empty(`There is no event ${seq}.`, h("a", { href: link(["events"]) }, "The latest events"));
    }
    return [
      h("p", { class: "lead" }, h("strong", {}, (opWords[got.op] ?? got.op).replace(/^./, (first) => first.toUpperCase())), " ", about(got)),
      facts([["Time", time(got.at)], ["Who", got.actor ?? "not said"], got.key && ["Key", h("code", { class: "name" }, got.key)],
        got.reason && ["Reason", got.reason], got.reference && ["Reference", h("span", { class: "name" }, got.reference)],
        ["Hash", h("code", { class: "hash" }, got.hash), " ", copier(got.hash, "the hash")]]),
      got.escrow_count > 0 && section(got.escrow_count > 1 ? `Escrows (${grouped(got.escrow_count)})` : "Escrow",
        h("p", { class: "ids" }, got.escrows.slice(0, 200).map((id) => [escrow(id), " "]),
          got.escrow_count > Math.min(got.escrows.length, 200) && `and ${grouped(got.escrow_count - Math.min(got.escrows.length, 200))} more`)),
      got.postings.length > 0 && section("Postings", postings(got.postings)),
    ].filter(Boolean);
  }, { signal, rows: 6 });
  return { title: `Event ${seq}`, content: [
    heading(`Event ${number ? grouped(number) : seq}`, { over: "In the chain", beside: h("nav", { class: "actions", "aria-label": "Neighbours" },
      number > 1 && h("a", { href: link(["events"], { seq: String(number - 1) }) }, "← before"), " ",
      h("a", { href: link(["events"], { seq: String(number + 1) }) }, "after →")) }), place] };
}

function postings(rows) {
  const { element, append } = table("Postings", [
    { label: "Account", kind: "main", cell: (row) => account(row.account) },
    { label: "Bucket", cell: (row) => row.bucket },
    { label: "Amount", kind: "amount", cell: (row) => signedMoney(row, row.currency) }]);
  append(rows.slice(0, 500));
  return [element, rows.length > 500 && h("p", { class: "small" }, `The first 500 of ${grouped(rows.length)}.`)];
}

const signedMoney = (row, currency) => h("span", { class: BigInt(row.amount) < 0n ? "out" : "in" }, `${signed(row.amount, currency)} ${currency}`);
