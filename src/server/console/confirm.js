// A command that is looked at before it is given: what it would do is asked as a dry run, the button says it in
// amounts, and the server does that or nothing. A release or refund sends the totals that were shown as what it expects;
// the others are asked again at the press. If the state has moved meanwhile, nothing is done, and what is different is
// shown. One key belongs to a dialog, so whatever is pressed and however often, it takes effect once.
import { get, path, post } from "./api.js";
import { event, every, freshKey, h, put, say, time } from "./dom.js";
import { button, dialog, facts, failed, field, loading } from "./parts.js";
import { print } from "./json.js";
import { grouped } from "./money.js";

/** What two answers must agree in, for one to stand for the other. */
const gist = ({ result }) => print([result.totals, result.skipped_count, result.to_payer]);

/** Whether it may have happened all the same. Some refusals of a server in trouble are sure. */
const uncertain = (problem) => !problem.answered || problem.status === 408 ||
  (problem.status >= 500 && !["busy", "overloaded", "storage_full"].includes(problem.code));

/**
 * @param title    of the dialog
 * @param address  where the command goes
 * @param command  () => its fields; throws an Error that is shown where the input is
 * @param inputs   elements above the preview; a change in them asks again
 * @param preview  (answer) => {shown: nodes, label: text of the button or null where there is nothing to do}
 * @param report   (answer) => nodes
 * @param refused  (problem, again) => nodes, for what a rejection of the preview offers; optional
 * @param count    {group, live}: what is polled while a large group settles; optional
 * @param changes  (seen, now) => nodes, for what two answers differ in; then the command takes `expect`. Optional
 * @param danger   whether money moves
 * @param done     called after it took effect
 */
export function confirm({ title, address, command, inputs = [], preview, report, refused, count, changes, danger = true, done }) {
  const shown = dialog(title);
  const key = freshKey();
  const notice = h("div", { role: "alert" });
  const view = h("div", { class: "preview", "aria-live": "polite" });
  const foot = h("div", { class: "foot" });
  const reason = field("Reason", { maxlength: 1000 }, "Stands in the books beside what happens. May be left empty.");
  const reference = field("Reference", { maxlength: 255, spellcheck: "false", pattern: "[!-~]*" },
    "Your own id for it, without spaces. May be left empty.");
  const form = h("form", { novalidate: true, onsubmit: (submit) => { submit.preventDefault(); press(); } },
    notice, h("fieldset", { class: "inputs" }, h("legend", { class: "unseen" }, "What is asked"), inputs), view,
    h("details", { class: "more" }, h("summary", {}, "Reason and reference"), reason.element, reference.element), foot);
  shown.body.append(form);

  let seen = null; // the answer that the button speaks of
  let asked = new AbortController();
  let busy = false;
  const gone = () => shown.signal.aborted;

  const full = (more) => {
    const given = { ...command(), ...more };
    if (reason.input.value.trim()) given.reason = reason.input.value.trim();
    if (reference.input.value.trim()) given.reference = reference.input.value.trim();
    return given;
  };
  const dry = (signal) => post(address, full({ dry_run: true }), { key, signal });

  function show(answer) {
    seen = answer;
    const { shown: nodes, label } = preview(answer);
    put(view, nodes);
    put(foot, 
      label ? h("button", { type: "submit", class: danger ? "danger" : "primary" }, label) : "",
      button(label ? "Cancel" : "Close", shown.close));
  }

  function refuse(problem) {
    seen = null;
    const offer = refused?.(problem, look);
    put(view, offer ?? failed(problem));
    put(foot, button("Ask again", look), button("Close", shown.close));
  }

  /** Asks what it would do. */
  async function look() {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    seen = null;
    try {
      if (!view.hasChildNodes()) put(view, loading(3));
      const answer = await dry(signal);
      if (!signal.aborted) show(answer);
    } catch (problem) {
      if (problem.name === "AbortError" || signal.aborted) return;
      if (problem.code === undefined) { // the input is not complete, and says so itself
        put(view, h("p", { class: "small" }, problem.message));
        put(foot, button("Cancel", shown.close));
      } else {
        refuse(problem);
      }
    }
  }

  async function press() {
    if (busy || !seen) return;
    busy = true;
    notice.replaceChildren();
    const pressed = form.querySelector("[type=submit]");
    pressed.disabled = true;
    let given;
    try {
      given = full(changes ? { expect: seen.result.totals } : {});
      if (!changes) {
        const now = await dry();
        if (gist(now) !== gist(seen)) return moved(now);
      }
    } catch (problem) {
      put(notice, h("div", { class: "moved" }, h("p", { class: "title" }, "Nothing was done."), h("p", {}, problem.message)));
      if (problem.code === undefined || uncertain(problem)) pressed.disabled = false;
      else refuse(problem);
      return;
    } finally {
      busy = false;
    }
    return send(given);
  }

  /** Not that any more: shows what it would be now, beside what was shown. */
  function moved(now) {
    const before = seen;
    show(now);
    put(notice, h("div", { class: "moved" }, h("p", { class: "title" }, "The state has moved. Nothing was done."),
      h("p", {}, "Something else changed these escrows since you looked. Below is what it would do now; look again, and confirm that."),
      before && changes?.(before, now)));
    notice.firstChild.tabIndex = -1;
    notice.firstChild.focus();
  }

  async function send(given) {
    for (const each of form.querySelectorAll("fieldset, .more input")) each.disabled = true;
    const progress = h("progress", { "aria-label": "Settled so far" });
    const told = h("p", { class: "small", role: "status" }, "Sent. It counts once it is on the disk.");
    put(foot, h("div", { class: "working" }, progress, told));
    const settled = new AbortController();
    if (count) follow(progress, told, settled.signal);
    try {
      const answer = await post(address, given, { key });
      settled.abort();
      finish(answer);
    } catch (problem) {
      settled.abort();
      if (!uncertain(problem)) {
        for (const each of form.querySelectorAll("fieldset, .more input")) each.disabled = false;
        if (problem.code === "not_as_expected") return lookAgain();
        put(notice, h("div", { class: "moved" }, h("p", { class: "title" }, "It was refused. Nothing was done."), h("p", {}, problem.message)));
        return look();
      }
      put(foot, h("div", { class: "failed", role: "alert" },
        h("p", { class: "title" }, "Whether it happened is not known."),
        h("p", {}, problem.message, " Trying again is safe: the same key goes with it, so it takes effect once at most, and the answer is the first one."),
        h("p", { class: "small" }, [problem.code, problem.request && `request ${problem.request}`, `key ${key}`].filter(Boolean).join(" · ")),
        h("p", {}, button("Try again", () => send(given)))));
      foot.querySelector("button").focus();
    }
    return undefined;
  }

  async function lookAgain() {
    try {
      moved(await dry());
    } catch (problem) {
      put(notice, h("div", { class: "moved" }, h("p", { class: "title" }, "The state has moved. Nothing was done.")));
      refuse(problem);
    }
  }

  function follow(progress, told, signal) {
    progress.max = 1;
    progress.value = 0;
    every(1, async () => {
      try {
        const now = await get(path`/v1/groups/${count.group}`, signal);
        const all = Number(seen.result.totals.reduce((sum, total) => sum + BigInt(total.escrows), 0n));
        const left = Math.max(0, Math.min(all, count.live - now.live));
        progress.value = all ? left / all : 1;
        told.textContent = `${grouped(left)} of ${grouped(all)} settled`;
      } catch { /* the answer itself will tell */ }
    }, signal);
  }

  function finish(answer) {
    const moved = gist(answer) !== gist(seen);
    say("Done.");
    shown.element.classList.add("done");
    form.replaceWith(h("div", { class: "report", tabindex: "-1" },
      h("p", { class: "title" }, answer.replayed ? "Done, by an earlier try." : "Done, and in the books."),
      moved && h("p", { class: "moved" }, "In the instant before it was decided the state moved once more: this is what was done, not quite what was shown."),
      report(answer),
      facts([["When", time(answer.at)], answer.seq && ["Event", event(answer.seq)], ["Key", h("code", {}, key)]]),
      h("div", { class: "foot" }, button("Close", shown.close, { class: "primary" }))));
    shown.body.querySelector(".report").focus();
    done?.();
  }

  let timer = 0;
  for (const input of inputs) {
    input.addEventListener("input", () => {
      // What the button says must be what the inputs say, so it goes until the new answer is there.
      asked.abort();
      seen = null;
      foot.querySelector("[type=submit]")?.setAttribute("disabled", "");
      notice.replaceChildren();
      clearTimeout(timer);
      timer = setTimeout(() => { if (!gone()) look(); }, 250);
    });
  }
  shown.element.addEventListener("close", () => { asked.abort(); clearTimeout(timer); });
  look();
  return { look, shown };
}

/** Those that were left out: how many for what reason, and the first of them. */
export function leftOut(skipped, counts, title = "Left out") {
  const all = Object.entries(counts ?? {});
  if (!all.length) return null;
  const total = all.reduce((sum, [, each]) => sum + each, 0);
  return h("details", { class: "left-out", open: total <= 5 },
    h("summary", {}, `${title}: ${all.map(([code, each]) => `${grouped(each)} ${reasonOf(code)}`).join(", ")}`),
    h("ul", {}, skipped.map((item) => h("li", {}, h("span", { class: "name" }, item.key || `escrow ${item.escrow}`), " ", h("span", { class: "small" }, reasonOf(item.reason))))),
    skipped.length < total && h("p", { class: "small" }, `The first ${grouped(skipped.length)} are named.`));
}

export const reasonOf = (code) => ({
  escrow_frozen: "frozen", escrow_not_locked: "already settled", escrow_not_found: "not found", duplicate_item: "named twice",
  fees_exceed_amount: "smaller than their fees", fee_plan_fixed: "bound to their fee plan", account_closed: "with a closed account",
})[code] ?? code.replaceAll("_", " ");

