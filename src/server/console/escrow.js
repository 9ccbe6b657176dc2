// An escrow: what became of it, each amount explained; and what can be done with it now.
import { get, path } from "./api.js";
import { account, event, group, h, link, name as breaking, time, put } from "./dom.js";
import { actions, bar, button, dash, facts, figures, fillWith, heading, section, status } from "./parts.js";
import { amount, grouped, money } from "./money.js";
import { freeze, reschedule, resolve, settleOne } from "./settle.js";

const past = { hold: "Held", release: "Released", refund: "Refunded", freeze: "Frozen", resolve: "Resolved", reschedule: "Rescheduled" };

export function escrow(context) {
  const { name, signal } = context;
  const place = h("div", {});
  const beside = h("div", { class: "beside" });
  const title = h("span", {}, breaking(name));
  fillWith(place, async () => {
    const { escrow: view, lines } = await get(path`/v1/escrows/${name}/history`, signal);
    const known = view.key || `escrow ${view.escrow}`;
    document.title = `${known} – Holdfast`;
    put(title, breaking(known));
    put(beside, choices(view, context.again));
    return content(view, lines);
  }, { rows: 10, signal });
  return { title: name, content: [heading(title, { over: "Escrow", beside }), place] };
}

function choices(view, again) {
  if (view.status === "LOCKED") {
    return actions(button("Release…", () => settleOne("release", view, again)), button("Refund…", () => settleOne("refund", view, again)),
      button("Date…", () => reschedule(view, again)), button("Freeze…", () => freeze(view, again)));
  }
  if (view.status === "FROZEN") return actions(button("Resolve…", () => resolve(view, again)));
  return "";
}

function content(view, lines) {
  const { currency } = view;
  return [
    h("p", { class: "sum" }, money(view.amount, currency), " ", status(view.status)),
    h("p", { class: "lead" }, account(view.payer), h("span", { "aria-label": "to" }, " → "), account(view.beneficiary)),
    bar([[view.status === "FROZEN" ? "frozen" : "locked", view.locked], ["released", view.released], ["refunded", view.refunded]], currency),
    h("div", { class: "pairs" }, facts([
      ["Number", h("span", { class: "digits" }, String(view.escrow))],
      view.group && ["Group", group(view.group)],
      ["Fee plan", h("a", { href: link(["plans"]) }, view.fee_plan.name), `, version ${view.fee_plan.version}`],
    ]), facts([
      ["Held", time(view.held_at)],
      view.closed_at && ["Settled", time(view.closed_at)],
      view.release_at && ["To be released", time(view.release_at)],
      view.refund_at && ["To be refunded", time(view.refund_at)],
    ])),
    BigInt(view.released) > 0n && figures("What became of it", [view], [
      ["Released", (total) => amount(total.released, currency)], ["Commission", (total) => dash(total.commission, currency)],
      ["Processor fee", (total) => dash(total.processor_fee, currency)], ["Net", (total) => h("strong", {}, amount(total.net, currency))],
      ["Refunded", (total) => dash(total.refunded, currency)]]),
    section("History", h("ol", { class: "history" }, lines.map((line) => step(line, view)))),
  ].filter(Boolean);
}

function step(line, view) {
  const lifted = line.op === "resolve" && BigInt(line.amount) === 0n;
  const more = [
    line.others > 0 && `with ${grouped(line.others)} other${line.others === 1 ? "" : "s"}`,
    line.group && line.op !== "hold" && `of ${line.group}`, line.reference && `reference ${line.reference}`].filter(Boolean).join(", ");
  return h("li", { class: line.op },
    h("p", { class: "what" }, h("strong", {}, lifted ? "Freeze lifted" : past[line.op] ?? line.op),
      BigInt(line.amount) !== 0n && ` ${money(line.amount, view.currency)}`, h("span", { class: "at" }, time(line.at))),
    h("p", { class: "small" }, line.actor && `by “${line.actor}” · `, "event ", event(line.seq), more && ` · ${more}`),
    line.reason && h("p", { class: "reason" }, `“${line.reason}”`),
    line.explained?.length > 0 && h("ul", { class: "sums-of" }, line.explained.map((each) => h("li", {}, each))));
}
