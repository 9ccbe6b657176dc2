// Tables that keys can walk, and lists of any length in them.
//
// A table is one stop of the Tab key. Arrows go from row to row and, in a row, from link to link; Home and End to
// the ends; Enter opens. On a narrow screen a row is a small block: its cells keep their labels.
import { h, put, say } from "./dom.js";
import { button, empty, failed, field, loading } from "./parts.js";
import { get, path, query } from "./api.js";
import { grouped } from "./money.js";

const stops = (row) => [...row.querySelectorAll("a[href], button, input")];

function walk(table) {
  const enter = (to) => {
    if (!to) return;
    for (const each of table.querySelectorAll('[tabindex="0"]')) each.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  };
  table.addEventListener("keydown", (press) => {
    const row = press.target.closest("tbody tr");
    if (!row || press.ctrlKey || press.metaKey || press.altKey) return;
    const here = stops(row).indexOf(press.target);
    const rows = [...table.tBodies[0].rows].filter((each) => !each.hidden);
    const at = rows.indexOf(row);
    const inRow = (index) => rows[index] && (stops(rows[index])[here] ?? stops(rows[index]).at(-1));
    const to = { ArrowDown: () => inRow(at + 1), ArrowUp: () => inRow(at - 1), Home: () => inRow(0),
      End: () => inRow(rows.length - 1), PageDown: () => inRow(Math.min(at + 10, rows.length - 1)),
      PageUp: () => inRow(Math.max(at - 10, 0)), ArrowRight: () => stops(row)[here + 1],
      ArrowLeft: () => stops(row)[here - 1] }[press.key];
    if (!to) return;
    press.preventDefault();
    enter(to());
  });
  table.addEventListener("focusin", (focus) => {
    if (focus.target.tabIndex === -1 && focus.target.closest("tbody")) enter(focus.target);
  });
  // A click anywhere in a row opens it, unless it was meant for something in it or selects text.
  table.addEventListener("click", (click) => {
    const row = click.target.closest("tbody tr");
    if (!row || click.target.closest("a, button, input, label, summary, details") || String(getSelection())) return;
    row.querySelector("a.opens, a[href]")?.click();
  });
}

/** A column is {label, cell(row), kind?: "amount" | "main" | "minor"}. */
export function table(caption, columns) {
  const body = h("tbody", {});
  const element = h("table", { class: "rows", role: "grid", "aria-label": caption },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((column) =>
      h("th", { scope: "col", role: "columnheader", class: column.kind }, column.label)))),
    body);
  body.setAttribute("role", "rowgroup");
  walk(element);
  const make = (row) => {
    const made = h("tr", { role: "row" }, columns.map((column) => {
      const content = column.cell(row);
      const nothing = content === "" || content === null || content === undefined;
      return h("td", { role: "gridcell", class: [column.kind, nothing && "none"].filter(Boolean).join(" "),
        "data-label": typeof column.label === "string" ? column.label : "" }, content);
    }));
    const first = !body.querySelector('[tabindex="0"]');
    stops(made).forEach((stop, i) => { stop.tabIndex = first && i === 0 ? 0 : -1; });
    return made;
  };
  return {
    element, body,
    append: (rows) => { for (const row of rows) body.append(make(row)); },
    prepend: (rows) => { for (const row of rows) body.prepend(make(row)); },
    clear: () => body.replaceChildren(),
  };
}

/**
 * A list by cursor. `load(after, signal)` gives {rows, next}; `keep(row)` says which are shown: then pages are read
 * until there is something to show, but no more than `reach` at once.
 */
export function list({ caption, thing, columns, load, keep, none, signal, reach = 20, seen = () => {} }) {
  const grid = table(caption, columns);
  const foot = h("div", { class: "foot" });
  const element = h("div", { class: "list" }, grid.element, foot);
  let shown = 0;
  let looked = 0;
  grid.element.hidden = true;

  async function more(after) {
    const first = shown === 0;
    put(foot, first ? loading(8) : h("p", { class: "small" }, "Loading…"));
    let next = after;
    try {
      for (let page = 0, found = 0; page < reach; ++page) {
        const got = await load(next, signal);
        const rows = keep ? got.rows.filter(keep) : got.rows;
        looked += got.rows.length;
        shown += rows.length;
        found += rows.length;
        grid.append(rows);
        seen(got.rows);
        if (shown) grid.element.hidden = false;
        next = got.next;
        if (next === null || next === undefined || found >= 25 || (!keep && found)) break;
      }
    } catch (problem) {
      if (problem.name === "AbortError" || signal.aborted) return;
      put(foot, failed(problem, () => more(next)));
      return;
    }
    end(next, first);
  }

  function end(next, first) {
    const total = `${grouped(shown)} ${thing}${shown === 1 ? "" : "s"}` +
      (keep && looked > shown ? ` of ${grouped(looked)} looked at` : "");
    if (next !== null && next !== undefined) {
      put(foot, h("p", { class: "small" }, `${total} so far`),
        button("Show more", async (click) => {
          const last = grid.body.lastElementChild;
          click.target.disabled = true;
          await more(next);
          const fresh = last ? last.nextElementSibling : grid.body.firstElementChild;
          if (fresh && stops(fresh)[0]) stops(fresh)[0].focus();
        }));
    } else if (shown === 0) {
      put(foot, none ?? empty(`No ${thing}s.`));
    } else {
      put(foot, h("p", { class: "small" }, `${total}${shown > 25 ? ". That is all." : ""}`));
    }
    if (!first) say(total);
  }

  more(null);
  return { element, grid };
}

/**
 * A loader of those whose names begin so. Lists are in the order of names: they stand together, behind the one that has
 * just this name.
 */
export const beginning = (address, name, begins, limit, signal) => async (after) => {
  const rows = [];
  if (begins && (after === null || after === undefined)) {
    try {
      rows.push(await get(address + path`/${begins}`, signal));
    } catch (problem) {
      if (problem.status !== 404) throw problem;
    }
  }
  const got = await get(query(address, { after: after ?? begins, limit }), signal);
  const fit = got.rows.filter((row) => row[name].startsWith(begins));
  return { rows: [...rows, ...fit], next: fit.length === got.rows.length ? got.next : null };
};

/** Where the beginning is typed. */
export function beginningForm(begins, go) {
  const input = field("Name begins with", { value: begins, spellcheck: "false", autocapitalize: "off" });
  return h("form", { class: "period", onsubmit: (submit) => {
    submit.preventDefault();
    go({ begins: input.input.value.trim() });
  } }, input.element, h("button", { type: "submit" }, "Show"), begins && button("All", () => go({ begins: "" }), { class: "plain" }));
}
