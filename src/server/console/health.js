// Health: how fast it goes and how well, over the last quarter of an hour.
import { get } from "./api.js";
import { every, h, renew, since, span, svg, time } from "./dom.js";
import { facts, fillWith, heading, section } from "./parts.js";
import { grouped, plural } from "./money.js";
import { duration } from "./overview.js";

const width = 300;
const height = 72;

/** A line over time, its greatest value written at its height, and all of it told in words. */
function plot(title, values, series, format, now) {
  const known = values.filter((value) => value !== null && value !== undefined);
  const top = Math.max(...known, 0);
  const last = now ?? known.at(-1) ?? 0;
  const x = (i) => (values.length > 1 ? (i / (values.length - 1)) * width : 0);
  const y = (value) => height - (top > 0 ? (value / top) * (height - 2) : 0) - 1;
  let line = "";
  values.forEach((value, i) => {
    if (value === null || value === undefined) return;
    const gap = i === 0 || values[i - 1] === null || values[i - 1] === undefined;
    line += `${gap ? "M" : "L"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  const minutes = Math.round((series.step_s * values.length) / 60);
  return h("figure", { class: "plot" },
    h("figcaption", {}, title, h("strong", {}, format(last))),
    svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img",
      "aria-label": `${title}: now ${format(last)}, at most ${format(top)} in the last ${plural(minutes, "minute")}` },
    svg("line", { class: "axis", x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    line && svg("path", { class: "line", d: line, "vector-effect": "non-scaling-stroke" })),
    h("p", { class: "small axis-words" }, h("span", {}, minutes ? `${plural(minutes, "minute")} ago` : "just now"), h("span", {}, `at most ${format(top)}`), h("span", {}, "now")));
}

export function health({ signal }) {
  const place = h("div", {});
  const told = h("span", { class: "small live", role: "status" });
  const look = async () => {
    const [health_, overview] = await Promise.all([get("/v1/health", signal), get("/v1/overview", signal)]);
    told.textContent = "";
    return content(health_, overview);
  };
  fillWith(place, look, { rows: 12, signal });
  every(5, async () => {
    try {
      renew(place, await look());
    } catch (problem) {
      if (problem.name !== "AbortError") told.textContent = `not renewed: ${problem.message}`;
    }
  }, signal);
  return { title: "Health", content: [heading("Health", { over: "The last quarter of an hour", beside: told }), place] };
}

const bytes = (count) => (count >= 2 ** 30 ? `${(count / 2 ** 30).toFixed(1)} GiB` : `${grouped(Math.round(count / 2 ** 20))} MiB`);
const rate = (value) => (value >= 10 ? grouped(Math.round(value)) : String(Math.round(value * 10) / 10));
const whole = (value) => grouped(Math.round(value));

function content({ now, series, retries, ...rest }, overview) {
  const audit = overview.audit ?? {};
  const plots = [
    ["Commands a second", "commands_per_s", rate], ["Releases a second", "releases_per_s", rate],
    ["Slowest of 100 answers", "p99_us", duration], ["Slowest of 100 syncs", "sync_p99_us", duration], ["Waiting in the queue", "queue", whole],
  ].filter(([, name]) => series?.[name]?.length);
  return [
    plots.length > 0 ? h("div", { class: "plots" }, plots.map(([title, name, format]) => plot(title, series[name], series, format, now[name])))
      : h("p", { class: "empty" }, "The first figures come in a few seconds."),
    h("div", { class: "columns" },
      section("Now", facts([
        ["Half of answers within", duration(now.p50_us)], ["99 of 100 within", duration(now.p99_us)],
        ["Commands in a group", now.group_commands === undefined || now.group_commands === null ? "–" : rate(now.group_commands)],
        ["Sync, half within", duration(now.sync_p50_us)], ["In the queue", whole(now.queue ?? 0)],
        ["Requests under way", whole(now.in_flight ?? 0)], ["Connections", whole(now.connections ?? 0)]])),
      section("Server", facts([
        ["Version", rest.version], rest.uptime_s !== undefined && ["Up for", span(rest.uptime_s)],
        rest.memory_bytes && ["Memory", bytes(rest.memory_bytes)],
        ["Store", overview.store]])),
      section("Laws and sealing", facts([
        ["Last audit", audit.at ? [{ ok: "every law holds, ", broken: h("strong", { class: "wrong" }, "a law is broken, ") }[audit.state] ?? `${audit.state}, `, time(audit.at), ` (${since(audit.at)})`] : "none yet"],
        ["Sealing", overview.sealing ? (overview.sealing.unsealed ? `${grouped(overview.sealing.unsealed)} events behind${overview.sealing.since ? `, since ${since(overview.sealing.since)}` : ""}` : "nothing behind") : "not needed by this store"],
        overview.sealing?.failure && ["Sealing fails", h("strong", { class: "wrong" }, overview.sealing.failure)]])),
      section("Tried again", retries && Object.keys(retries).length ? facts(Object.entries(retries).map(([name, times]) => [words(name), whole(times)]))
        : h("p", { class: "small" }, "Nothing had to be."))),
  ];
}

const words = (name) => {
  const text = name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
};
