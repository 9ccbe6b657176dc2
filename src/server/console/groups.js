// Groups, each with how far it is settled; and a group with its escrows.
import { get, path, query, session } from "./api.js";
import { account, escrow, every, group as groupLink, h, link, time, put, renew } from "./dom.js";
import { actions, bar, button, dash, empty, figures, fillWith, heading, openness, section, status, tabs } from "./parts.js";
import { amount, grouped, money, plural, sums } from "./money.js";
import { beginning, beginningForm, list } from "./table.js";
import { closeGroup, mostChosen, settleChosen, settleGroup } from "./settle.js";

/** What is released of it, frozen, and so on. A frozen escrow's money is locked too, and is shown apart. */
const parts = (total) => [["locked", BigInt(total.locked) - BigInt(total.frozen ?? 0)], ["frozen", total.frozen ?? 0],
  ["released", total.released], ["refunded", total.refunded]];

/** Asks for sums of rows only as they come into sight, a few at a time. */
function lazily(signal, show) {
  const waiting = [];
  let running = 0;
  const next = async () => {
    if (running >= 3 || signal.aborted) return;
    const cell = waiting.shift();
    if (!cell) return;
    running += 1;
    await show(cell).catch(() => {});
    running -= 1;
    next();
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      watcher.unobserve(entry.target);
      waiting.push(entry.target);
      next();
    }
  }, { rootMargin: "200px" });
  signal.addEventListener("abort", () => watcher.disconnect());
  return (cell) => { watcher.observe(cell); return cell; };
}

export function groups({ query: given, signal, go }) {
  const names = new WeakMap();
  const watched = lazily(signal, async (cell) => {
    const summary = await get(path`/v1/groups/${names.get(cell)}/summary`, signal);
    put(cell, ...(summary.totals.length ? summary.totals.map((total) => h("div", { class: "progress" },
      h("span", { class: "amount" }, money(total.amount, total.currency)),
      bar(parts(total), total.currency, { legend: false }),
      h("span", { class: "small" }, words(total)))) : [h("span", { class: "small" }, "no escrow")]));
  });
  const state = given.show ?? "all";
  const begins = given.begins ?? "";
  const choice = (text, value) => [text, link(["groups"], { show: value === "all" ? "" : value, begins }), state === value];
  const keep = { open: (row) => row.open, live: (row) => row.live > 0, closed: (row) => !row.open }[state];
  const shown = list({
    caption: "Groups", thing: "group", signal, keep,
    load: beginning("/v1/groups", "group", begins, keep ? 500 : 50, signal),
    none: empty("No such group.", state === "all" ? "A group appears with the first escrow that is held in it." : "Look at all of them."),
    columns: [
      { label: "Group", kind: "main", cell: (row) => groupLink(row.group) },
      { label: "State", cell: (row) => openness(row.open) },
      { label: "Escrows", kind: "amount", cell: (row) => grouped(row.escrows) },
      { label: "Unsettled", kind: "amount", cell: (row) => (row.live ? grouped(row.live) : h("span", { class: "nil" }, "–")) },
      { label: "Raised, and how far it is settled", kind: "wide", cell: (row) => {
        const cell = h("div", { class: "sums" });
        names.set(cell, row.group);
        return watched(cell);
      } },
    ],
  });
  return {
    title: "Groups",
    content: [heading("Groups", { over: "Campaigns, projects, orders" }),
      tabs("Which groups", [choice("All", "all"), choice("Open", "open"), choice("With unsettled escrows", "live"), choice("Closed", "closed")]), beginningForm(begins, go), shown.element],
  };
}

const words = (total) => {
  const told = parts(total).filter(([, minor]) => BigInt(minor) > 0n).map(([name, minor]) => `${name} ${amount(minor, total.currency)}`);
  return told.join(" · ") || "nothing in it";
};

export function group(context) {
  const { name, signal } = context;
  const head = h("div", {});
  const beside = h("div", { class: "beside" });
  let current = null;

  const look = async () => (current = await get(path`/v1/groups/${name}/summary`, signal));
  const after = () => context.again();
  const draw = (view) => {
    put(beside, actions(
      button("Release…", () => settleGroup("release", current, after), { disabled: view.live === 0 }),
      button("Refund…", () => settleGroup("refund", current, after), { disabled: view.live === 0 }),
      button(view.open ? "Close…" : "Reopen…", () => closeGroup(current, after))));
    return [
      h("p", { class: "lead" }, openness(view.open), ` · ${plural(view.escrows, "escrow")}, `,
        view.live ? `${grouped(view.live)} unsettled` : "all settled"),
      view.totals.length > 0 && h("div", { class: "group-sums" },
        figures("Sums of the group", view.totals, [
          ["Escrows", (total) => grouped(total.escrows), true],
          ["Amount", (total) => h("strong", {}, amount(total.amount, total.currency))],
          ["Locked", (total) => dash(total.locked, total.currency)], ["Released", (total) => dash(total.released, total.currency)],
          ["Refunded", (total) => dash(total.refunded, total.currency)], ["Commission", (total) => dash(total.commission, total.currency)],
          ["Fees", (total) => dash(total.processor_fee, total.currency)], ["Net", (total) => dash(total.net, total.currency)]]),
        view.totals.map((total) => bar(parts(total), total.currency))),
    ].filter(Boolean);
  };
  fillWith(head, async () => draw(await look()), { rows: 5, signal });
  every(2, async () => {
    if (!current || document.querySelector("dialog")) return;
    try {
      const text = (view) => JSON.stringify(view, (_, value) => (typeof value === "bigint" ? String(value) : value));
      const before = text(current);
      if (text(await look()) !== before) renew(head, draw(current));
    } catch { /* what is shown stays; the next look may do better */ }
  }, signal);

  return {
    title: name,
    content: [heading(name, { over: "Group", beside }), head, section("Escrows", escrows(context, { group: name }, after))],
  };
}

const states = ["LOCKED", "FROZEN", "RELEASED", "REFUNDED", "SPLIT"];

/** Escrows of a group, or of an account as payer or beneficiary; those that are locked can be chosen. */
export function escrows({ name, query: given, signal }, by, after) {
  const chosen = new Map();
  const choosable = session.may("operate") && after;
  const told = h("span", { role: "status" });
  const release = button("Release chosen…", () => settleChosen("release", [...chosen.keys()], after));
  const refund = button("Refund chosen…", () => settleChosen("refund", [...chosen.keys()], after));
  const tray = h("div", { class: "tray", hidden: true }, told, release, refund,
    button("Choose none", () => {
      for (const box of shown.element.querySelectorAll("input:checked")) box.checked = false;
      chosen.clear();
      count();
    }, { class: "plain" }));
  const count = () => {
    tray.hidden = chosen.size === 0;
    const totals = new Map();
    for (const row of chosen.values()) totals.set(row.currency, (totals.get(row.currency) ?? 0n) + BigInt(row.locked));
    const full = chosen.size > mostChosen;
    told.textContent = `${plural(chosen.size, "escrow")} chosen, ${sums([...totals].map(([currency, minor]) => ({ currency, amount: minor })))} locked` +
      (full ? `: at most ${grouped(mostChosen)} at once` : "");
    release.disabled = refund.disabled = full;
  };
  const state = given.status ?? "";
  const choice = (text, value) => [text, link([by.group ? "groups" : "accounts", name], { ...given, status: value }), state === value];
  const shown = list({
    caption: "Escrows", thing: "escrow", signal,
    load: (from) => get(query("/v1/escrows", { ...by, status: state, after: from, limit: 50 }), signal),
    none: empty(state ? `None is ${state.toLowerCase()}.` : "No escrow yet."),
    columns: [
      choosable && { label: h("span", { class: "unseen" }, "Choose"), kind: "choose", cell: (row) => row.status === "LOCKED"
        ? h("input", { type: "checkbox", "aria-label": `Choose ${row.key ?? row.escrow}`, onchange: (change) => {
          change.target.checked ? chosen.set(row.escrow, row) : chosen.delete(row.escrow);
          count();
        } }) : "" },
      { label: "Escrow", kind: "main", cell: (row) => {
        const opens = escrow(row.escrow, row.key || String(row.escrow));
        opens.className = "opens";
        return opens;
      } },
      by.payer === undefined && { label: "Payer", cell: (row) => account(row.payer) },
      by.beneficiary === undefined && by.group === undefined && { label: "Beneficiary", cell: (row) => account(row.beneficiary) },
      by.group === undefined && { label: "Group", cell: (row) => row.group && groupLink(row.group) },
      { label: "State", cell: (row) => status(row.status) },
      { label: "Amount", kind: "amount", cell: (row) => money(row.amount, row.currency) },
      { label: "Locked", kind: "amount minor", cell: (row) => dash(row.locked, row.currency) },
      { label: "Net", kind: "amount minor", cell: (row) => dash(row.net, row.currency) },
      { label: "Held", kind: "when minor", cell: (row) => time(row.held_at, { zone: false }) },
    ].filter(Boolean),
  });
  return [
    h("div", { class: "filters" },
      tabs("Which escrows", [choice("All", ""), ...states.map((each) => choice(each[0] + each.slice(1).toLowerCase(), each))]),
      by.group && find(name)),
    shown.element, tray];
}

/** One escrow of the group, by its key or number. */
function find(groupName) {
  const input = h("input", { type: "search", "aria-label": "Find an escrow of this group by its key or number", placeholder: "Key or number", spellcheck: "false" });
  const told = h("span", { class: "small wrong", role: "alert" });
  return h("form", { class: "find", role: "search", onsubmit: async (submit) => {
    submit.preventDefault();
    const wanted = input.value.trim();
    if (!wanted) return;
    told.textContent = "";
    try {
      const found = await get(path`/v1/escrows/${wanted}`);
      if (found.group === groupName) location.hash = link(["escrows", String(found.escrow)]);
      else told.textContent = `${wanted} belongs to ${found.group ?? "no group"}.`;
    } catch (problem) {
      told.textContent = problem.status === 404 ? "No escrow has this key or number." : problem.message;
    }
  } }, input, h("button", { type: "submit" }, "Find"), told);
}

