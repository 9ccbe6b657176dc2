// Overview: how much is where, whether every law holds, what waits, how fast it goes.
import { follow, get } from "./api.js";
import { escrow, event, every, gather, h, put, renew, since, span, time } from "./dom.js";
import { bar, copier, dash, facts, figures, fillWith, heading, loading, section } from "./parts.js";
import { amount, grouped } from "./money.js";
import { table } from "./table.js";
import { eventColumns } from "./events.js";

const latest = 8;
const farBehind = 500; // events: then what is between is left out, and the latest are shown

export function overview({ signal }) {
  const books = h("div", {});
  const live = h("span", { class: "small live" }, "");
  const told = h("p", { class: "small wrong", role: "status" });
  const happened = table("Latest events", eventColumns.slice(0, 5));
  const recent = h("div", {}, loading(3));
  let speed = null;
  let shown = null;

  const draw = () => shown && renew(books, content(shown, speed));
  const refresh = async () => {
    const [now, health] = await Promise.all([get("/v1/overview", signal), get("/v1/health", signal).catch(() => speed)]);
    shown = now;
    speed = health;
    return now;
  };
  const start = async () => {
    const now = await refresh();
    if (Number(now.seq) === 0) put(recent, h("p", { class: "small" }, "Nothing has happened yet."));
    stream(now.seq);
    return content(shown, speed);
  };
  const look = async () => {
    if (!shown) return;
    try {
      await refresh();
      told.textContent = "";
      draw();
      if (Number(shown.seq) > lastSeen + farBehind) stream(shown.seq);
    } catch (problem) {
      if (problem.name !== "AbortError") told.textContent = `not renewed since ${time(shown.at).textContent}: ${problem.message}`;
    }
  };

  let waiting = 0;
  const soon = () => { waiting ||= setTimeout(() => { waiting = 0; if (!document.hidden) look(); }, 1000); };
  signal.addEventListener("abort", () => clearTimeout(waiting));

  let streaming = new AbortController();
  signal.addEventListener("abort", () => streaming.abort());
  let lastSeen = 0;

  function stream(seq) {
    streaming.abort();
    streaming = new AbortController();
    lastSeen = Number(seq);
    follow(Math.max(0, Number(seq) - latest), {
      state: (state, problem) => { live.textContent = state === "live" ? "live" : problem ? `waiting: ${problem.message}` : "waiting"; },
      event: gather(latest, (rows) => {
        lastSeen = Number(rows.at(-1).seq);
        if (!happened.element.isConnected) put(recent, happened.element);
        happened.prepend(rows);
        while (happened.body.rows.length > latest) happened.body.lastElementChild.remove();
        if (!happened.body.querySelector('[tabindex="0"]')) {
          const first = happened.body.querySelector("a");
          if (first) first.tabIndex = 0;
        }
        if (BigInt(rows.at(-1).seq) > BigInt(shown.seq)) soon();
      }, streaming.signal),
    }, streaming.signal);
  }

  fillWith(books, start, { rows: 12, signal });
  every(5, look, signal);
  return {
    title: "Overview",
    content: [heading("Overview", { over: "The books as they stand", beside: live }), told, books,
      section("Latest events", recent, h("p", { class: "small" }, h("a", { href: "#/events" }, "All events")))],
  };
}

function content(now, health) {
  return [
    now.failure && h("div", { class: "failed", role: "alert" }, h("p", { class: "title" }, "The ledger does not answer."), h("p", {}, now.failure)),
    now.currencies.length ? [
      figures("Money by currency", now.currencies, [
        ["Available", (total) => dash(total.available, total.currency)],
        ["Held in escrow", (total) => h("strong", {}, dash(total.held, total.currency))],
        ["Commission", (total) => dash(total.commission, total.currency)],
        ["Processor fees", (total) => dash(total.processor_fee, total.currency)],
        ["Outside", (total) => dash(total.external, total.currency)],
        ["Sum", (total) => h("span", { class: BigInt(total.sum) === 0n ? "balanced" : "wrong" }, amount(total.sum, total.currency))]]),
      h("p", { class: "small" }, "The sum of all accounts of a currency is zero: what is inside came from outside."),
      now.currencies.some((total) => BigInt(total.released ?? 0) + BigInt(total.refunded ?? 0) + BigInt(total.held) > 0n)
        && section("How far escrows are settled", now.currencies.map((total) => h("div", { class: "settled" },
          h("h3", {}, total.currency),
          bar([["held", total.held], ["released", total.released ?? 0], ["refunded", total.refunded ?? 0]], total.currency))))]
      : h("div", { class: "empty" }, h("p", { class: "title" }, "The ledger is empty."),
        h("p", {}, "Open accounts and bring money in: ", h("code", {}, "holdfast apply"), " or POST /v1/commands.")),
    h("div", { class: "columns" }, laws(now), waits(now), pace(health), chain(now)),
  ];
}

function laws({ audit }) {
  const states = {
    ok: ["good", "Every law holds"], broken: ["bad", "A law is broken"],
    running: ["", "Being checked for the first time"], never: ["", "Not checked yet"],
  };
  const [kind, title] = states[audit?.state] ?? ["", "Not known"];
  const checks = audit?.checks ?? [];
  return section("Laws",
    h("p", { class: `verdict ${kind}` }, title),
    audit?.commands_stopped && h("p", { class: "wrong" }, `Commands are stopped: ${audit.commands_stopped}`),
    audit?.failure && h("p", { class: "wrong" }, `The last check could not end: ${audit.failure}`),
    audit?.state === "never" && h("p", { class: "small" }, "The whole history is checked soon after a start, and then again and again."),
    audit?.at && h("p", { class: "small" }, "The whole history checked ", since(audit.at), audit.seq ? [", up to event ", event(audit.seq)] : "",
      audit.checked_seq > audit.seq ? ["; each event as it comes, up to ", event(audit.checked_seq)] : "", "."),
    checks.length > 0 && h("details", { open: audit.state === "broken" },
      h("summary", {}, `${checks.filter((check) => check.ok).length} of ${checks.length} checks hold`),
      h("ul", { class: "checks" }, checks.map((check) => h("li", { class: check.ok ? "good" : "bad" },
        h("strong", {}, `${check.ok ? "holds" : "BROKEN"}: ${check.law}`), " ", h("span", { class: "small" }, check.detail))))));
}

function waits({ due, frozen, sealing }) {
  const stuck = due?.stuck ?? [];
  return section("Due, frozen, stuck",
    facts([
      due && ["Next date", due.next_at ? time(due.next_at) : "none"],
      due?.waiting !== undefined && due?.waiting !== null && ["Waiting for a date", grouped(due.waiting)],
      frozen !== null && frozen !== undefined && ["Frozen", grouped(frozen)],
      due && ["Stuck", stuck.length ? h("strong", { class: "wrong" }, grouped(stuck.length)) : "none"],
      due?.failure && ["Dates fail", h("strong", { class: "wrong" }, due.failure)],
      sealing && ["Not yet sealed", `${grouped(sealing.unsealed)} events${sealing.since ? `, since ${since(sealing.since)}` : ""}`],
      sealing?.failure && ["Sealing fails", h("strong", { class: "wrong" }, sealing.failure)],
    ]),
    stuck.length > 0 && h("ul", { class: "stuck" }, stuck.slice(0, 20).map((each) => h("li", {},
      escrow(each.escrow, `escrow ${each.escrow}`), " was due on ", time(each.due), " and could not be settled: ", each.message, h("span", { class: "small" }, ` Tried ${since(each.at)}.`)))));
}

function pace(health) {
  const now = health?.now;
  return section("Pace", now ? facts([
    ["Commands a second", grouped(Math.round(now.commands_per_s))],
    ["Releases a second", grouped(Math.round(now.releases_per_s))],
    ["Answered within", now.p99_us ? `${duration(now.p50_us)}, 99 of 100 within ${duration(now.p99_us)}` : "no command just now"],
    ["Server up", health.uptime_s === undefined ? "" : span(health.uptime_s)],
  ]) : h("p", { class: "small" }, "Not known."), h("p", { class: "small" }, h("a", { href: "#/health" }, "Health")));
}

export function duration(us) {
  if (!us) return "–"; // there was nothing that took any time
  if (us >= 1e6) return `${(us / 1e6).toFixed(1)} s`;
  return us >= 1000 ? `${(us / 1000).toFixed(us < 10000 ? 1 : 0)} ms` : `${Math.round(us)} µs`;
}

const chain = (now) => section("Ledger", facts([
  ["Where", h("code", { class: "name" }, now.ledger)],
  ["Store", now.store],
  ["Last event", Number(now.seq) > 0 ? event(now.seq) : "none yet"],
  now.head && ["Head hash", h("code", { class: "hash" }, now.head), " ", copier(now.head, "the head hash")],
]));

