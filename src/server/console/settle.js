// What moves money: release and refund of a group, of chosen escrows, of one; freeze and resolve; close a group.
import { h } from "./dom.js";
import { button, facts, field, figures } from "./parts.js";
import { amount, decimals, grouped, money, parseAmount, plural, sums } from "./money.js";
import { confirm, leftOut } from "./confirm.js";

const past = { release: "Released", refund: "Refunded" };
const does = { release: "Release", refund: "Refund" };

/** From here on a group settles in steps, each an event of its own, so that others get their turn in between. */
const largeGroup = 100_000;
const step = 10_000;
/** As many escrows as a list may name. */
export const mostChosen = 8192;

const countOf = (totals) => totals.reduce((sum, total) => sum + BigInt(total.escrows), 0n);

function split(kind, totals, caption) {
  const column = (label, name) => [label, (total) => amount(total[name], total.currency)];
  return figures(caption, totals, [
    ["Escrows", (total) => grouped(total.escrows)], column(kind === "release" ? "Amount" : "Back to the payers", "amount"),
    ...(kind === "release" ? [column("Commission", "commission"), column("Processor fee", "processor_fee"), column("Net to beneficiaries", "net")] : [])]);
}

/** What was shown and what it would be now, one above the other, where they differ. */
function changed(kind, seen, now) {
  const names = ["escrows", "amount", ...(kind === "release" ? ["commission", "processor_fee", "net"] : [])];
  const labels = ["Escrows", "Amount", "Commission", "Processor fee", "Net"];
  const currencies = [...new Set([...seen.result.totals, ...now.result.totals].map((total) => total.currency))].sort();
  const of = (answer, currency) => answer.result.totals.find((total) => total.currency === currency) ??
    Object.fromEntries([["currency", currency], ...names.map((name) => [name, 0])]);
  const cell = (name, total) => (name === "escrows" ? grouped(total.escrows) : amount(total[name], total.currency));
  return h("div", { class: "scroll" }, h("table", { class: "figures changes" },
    h("caption", { class: "unseen" }, "What is different"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Currency"), h("th", { scope: "col" }, h("span", { class: "unseen" }, "When")),
      names.map((_, i) => h("th", { scope: "col", class: "amount" }, labels[i])))),
    h("tbody", {}, currencies.map((currency) => {
      const [before, after] = [of(seen, currency), of(now, currency)];
      const row = (words, total, head) => h("tr", {}, head && h("th", { scope: "rowgroup", rowspan: 2 }, currency), h("th", { scope: "row" }, words),
        names.map((name, i) => h("td", { class: "amount", "data-label": labels[i] },
          String(before[name]) === String(after[name]) ? cell(name, total)
            : total === before ? h("s", {}, cell(name, total)) : h("strong", {}, cell(name, total)))));
      return [row("you saw", before, true), row("now", after, false)];
    }))));
}

/** Lets an atomic batch that some of its items spoil go on without them. */
function offer(kind, problem, leave) {
  if (!problem.counts) return null;
  return h("div", {}, h("div", { class: "failed", role: "alert" },
    h("p", { class: "title" }, `All or none: some of these cannot be ${past[kind].toLowerCase()}.`),
    leftOut(problem.items ?? [], problem.counts, "These"),
    leave && h("p", {}, button(`Leave them out and ${kind} the rest`, leave))));
}

function settle({ kind, title, selector, several, inputs = [], extra = () => ({}), count, chunked = false, nothing, done }) {
  let mode = chunked ? "skip" : "atomic";
  confirm({
    title, address: kind === "release" ? "/v1/releases" : "/v1/refunds", inputs, count, done,
    command: () => ({ ...selector, ...(several ? { mode } : {}), ...(chunked ? { chunk: step } : {}), ...extra() }),
    preview: ({ result }) => {
      const many = countOf(result.totals);
      const closes = extra().close;
      return {
        label: many > 0n ? `${does[kind]} ${plural(many, "escrow")}, ${sums(result.totals)}` : closes ? "Close the group" : null,
        shown: [
          many > 0n ? split(kind, result.totals, `What would be ${past[kind].toLowerCase()}`) : h("p", { class: "empty" }, nothing),
          leftOut(result.skipped, result.skipped_count),
          chunked && h("p", { class: "small" }, `So many settle in steps of ${grouped(step)}. Each step is final; what is cut off goes on from there when it is tried again.`)],
      };
    },
    changes: (seen, now) => changed(kind, seen, now),
    refused: (problem, again) => offer(kind, problem, several && mode === "atomic" && (() => { mode = "skip"; again(); })),
    report: ({ result }) => [
      result.totals.length > 0 && countOf(result.totals) > 0n
        ? [h("p", {}, `${past[kind]} ${plural(countOf(result.totals), "escrow")}, ${sums(result.totals)}.`), split(kind, result.totals, `What was ${past[kind].toLowerCase()}`)]
        : h("p", {}, "No escrow changed."),
      leftOut(result.skipped, result.skipped_count)],
  });
}

export function settleGroup(kind, group, done) {
  const close = h("input", { type: "checkbox", id: "close-too" });
  settle({
    kind, title: `${does[kind]} ${group.group}`, selector: { group: group.group }, several: true, done,
    chunked: group.live > largeGroup, count: { group: group.group, live: group.live },
    nothing: `Nothing in this group can be ${past[kind].toLowerCase()}: no escrow of it has something locked that is not frozen.`,
    inputs: group.open ? [h("p", { class: "check" }, close, h("label", { for: "close-too" }, " Close the group too: it takes no new escrow"))] : [],
    extra: () => (group.open && close.checked ? { close: true } : {}),
  });
}

export const settleChosen = (kind, ids, done) => settle({
  kind, title: `${does[kind]} ${plural(ids.length, "chosen escrow")}`, selector: { escrows: ids }, several: ids.length > 1, done,
  nothing: "Nothing to do.",
});

export function settleOne(kind, escrow, done) {
  const { currency } = escrow;
  const part = field(`How much (${currency})`, { inputmode: decimals(currency) ? "decimal" : "numeric", value: amount(escrow.locked, currency) },
    `Locked: ${amount(escrow.locked, currency)}. Less ${kind === "release" ? "releases" : "pays back"} a part; the rest stays locked.`);
  settle({
    kind, title: `${does[kind]} ${escrow.key ?? `escrow ${escrow.escrow}`}`, selector: { escrows: [escrow.escrow] }, several: false, done,
    inputs: [part.element], nothing: "Nothing to do.",
    extra: () => {
      try {
        const minor = parseAmount(part.input.value, currency);
        if (minor === 0n) throw new Error("At least the smallest unit.");
        if (minor > BigInt(escrow.locked)) throw new Error(`More than is locked: ${money(escrow.locked, currency)}.`);
        part.error("");
        return minor === BigInt(escrow.locked) ? {} : { amount: Number(minor) };
      } catch (wrong) {
        part.error(wrong.message);
        throw new Error("The amount is not right yet.");
      }
    },
  });
}

export const freeze = (escrow, done) => confirm({
  title: `Freeze ${escrow.key ?? `escrow ${escrow.escrow}`}`, address: "/v1/freezes", done, command: () => ({ escrow: escrow.escrow }),
  preview: () => ({
    label: `Freeze 1 escrow, ${money(escrow.locked, escrow.currency)}`,
    shown: h("p", {}, `Nothing of it is released or paid back until it is resolved: ${money(escrow.locked, escrow.currency)} of `, h("span", { class: "name" }, escrow.payer), "."),
  }),
  report: () => h("p", {}, "It is frozen. A release of its group passes it over."),
});

/** Sets the one date of an escrow, or takes it away. The field is read as UTC, as every time here. */
export function reschedule(escrow, done) {
  const now = escrow.release_at ? "release" : escrow.refund_at ? "refund" : "none";
  const what = h("select", { id: "on-that-day" }, [["release", "release it to the beneficiary"], ["refund", "refund it to the payer"], ["none", "nothing: it has no date"]]
    .map(([value, words]) => h("option", { value, selected: value === now }, words)));
  const day = field("When (UTC)", { type: "datetime-local", step: 1, value: (escrow.release_at ?? escrow.refund_at ?? "").slice(0, 19) },
    "A time that has passed is carried out at once.");
  const date = () => `${day.input.value.length === 16 ? `${day.input.value}:00` : day.input.value}Z`;
  const told = () => `${date().slice(0, 10)} ${date().slice(11, 19)} UTC`;
  const sum = money(escrow.locked, escrow.currency);
  confirm({
    title: `Set the date of ${escrow.key ?? `escrow ${escrow.escrow}`}`, address: "/v1/reschedules", done,
    inputs: [h("div", { class: "field" }, h("label", { for: "on-that-day" }, "On that date"), what), day.element],
    command: () => {
      day.input.disabled = what.value === "none";
      if (what.value === "none") return { escrow: escrow.escrow };
      if (!day.input.value) throw new Error("Give the date and the time.");
      return { escrow: escrow.escrow, [`${what.value}_at`]: date() };
    },
    preview: () => (what.value === "none"
      ? { label: now === "none" ? null : "Take the date away", shown: h("p", {}, now === "none" ? "It has no date now." : "It stays locked until somebody settles it.") }
      : { label: `${does[what.value]} ${sum} at ${told()}`,
        shown: h("p", {}, what.value === "release" ? `Then ${sum} is split under its fee plan and goes to ` : `Then ${sum} goes back, without a fee, to `,
          h("span", { class: "name" }, what.value === "release" ? escrow.beneficiary : escrow.payer), ", if it is not frozen or settled before.") }),
    report: () => h("p", {}, what.value === "none" ? "It has no date any more." : `It is to be ${past[what.value].toLowerCase()} at ${told()}.`),
  });
}

export function resolve(escrow, done) {
  const { currency } = escrow;
  const locked = BigInt(escrow.locked);
  const shape = { inputmode: decimals(currency) ? "decimal" : "numeric", value: amount(0, currency) };
  const payer = field(`Back to the payer (${currency})`, { ...shape }, escrow.payer);
  const beneficiary = field(`To the beneficiary, before fees (${currency})`, { ...shape }, escrow.beneficiary);
  const rest = h("p", { class: "rest", "aria-live": "polite" });
  const set = (toPayer, toBeneficiary) => () => {
    payer.input.value = amount(toPayer, currency);
    beneficiary.input.value = amount(toBeneficiary, currency);
    beneficiary.input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const read = () => {
    const [first, second] = [payer, beneficiary].map((each) => {
      try {
        each.error("");
        return parseAmount(each.input.value, currency);
      } catch (wrong) {
        each.error(wrong.message);
        return null;
      }
    });
    if (first === null || second === null) {
      rest.textContent = "";
      throw new Error("The two amounts are not right yet.");
    }
    const left = locked - first - second;
    rest.classList.toggle("wrong", left < 0n);
    rest.textContent = left < 0n ? `Together ${amount(first + second, currency)}, but ${money(locked, currency)} is locked: ${money(-left, currency)} too much.`
      : left > 0n ? `${money(left, currency)} stays locked.` : "Nothing stays locked.";
    if (left < 0n) throw new Error("The two amounts do not fit.");
    return { to_payer: Number(first), to_beneficiary: Number(second) };
  };
  const quick = h("p", { class: "quick" },
    button("All to the payer", set(locked, 0n)), " ", button("All to the beneficiary", set(0n, locked)), " ", button("Only lift the freeze", set(0n, 0n)));
  const report = ({ result }) => [
    facts([["Back to the payer", money(result.to_payer, currency)]]),
    countOf(result.totals) > 0n && split("release", result.totals, "To the beneficiary")];
  confirm({
    title: `Resolve ${escrow.key ?? `escrow ${escrow.escrow}`}`, address: "/v1/resolutions", done,
    inputs: [payer.element, beneficiary.element, quick, rest],
    command: () => ({ escrow: escrow.escrow, ...read() }),
    preview: (answer) => {
      const { to_payer: back, to_beneficiary: on } = read();
      return {
        label: back || on ? `Pay ${amount(back, currency)} to the payer, ${amount(on, currency)} ${currency} to the beneficiary` : "Lift the freeze, pay nothing",
        shown: report(answer),
      };
    },
    report,
  });
}

export const closeGroup = (group, done) => confirm({
  title: group.open ? `Close ${group.group}` : `Reopen ${group.group}`, danger: false, done,
  address: group.open ? "/v1/group-closings" : "/v1/group-reopenings", command: () => ({ group: group.group }),
  preview: () => ({
    label: group.open ? "Close the group" : "Reopen the group",
    shown: h("p", {}, group.open ? "It takes no new escrow. Those that it has stay as they are; it can be reopened." : "It takes new escrows again."),
  }),
  report: () => h("p", {}, group.open ? "The group is closed to new escrows." : "The group is open again."),
});

