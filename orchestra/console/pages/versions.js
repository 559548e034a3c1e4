// Versions: which of them answer each line, with which shares, what their calls were like, and changing the shares.

import { field, followAddress } from "./filters.js";
import { api, ask, confirm, count, dateTime, el, emptyState, errorState, fill, loading, may, milliseconds, none, openPage, percent, table, timeElement, toast, withQuery } from "./shell.js";

const LOOK_EVERY_MS = 5000;
const DAY_S = 86_400;
const DAYS = [["", "7 days"], ["1", "day"], ["30", "30 days"], ["90", "90 days"], ["all", "all days"]];
const MOST_CHANGES = 10;
const SHARES = [["success", "Success"], ["transferred", "To people"], ["failed", "Failed"], ["interrupted", "Interrupted"], ["failed_tools", "Failed tools"]];

const { main, operator } = await openPage({ title: "Versions", section: "versions" });
const decides = may(operator, "admin");
const shown = el("div", { class: "versions" }, loading());
const form = el("form", { class: "filters", "aria-label": "Which calls are counted" }, field({ name: "days", label: "Calls of the last", options: DAYS }));
form.addEventListener("change", () => form.requestSubmit());
main.append(form, shown);

let lines = [];
let since;
let seen = "";
const figures = new Map(); // of each line

async function look() {
  try {
    lines = (await api("/api/versions")).lines;
    const now = JSON.stringify(lines);
    if (now === seen || document.querySelector("dialog[open]")) return;
    seen = now;
    show();
  } catch (error) {
    seen = "";
    fill(shown, errorState(error, look));
  }
}
setInterval(() => document.hidden || look(), LOOK_EVERY_MS);

async function countCalls(fields) {
  const days = fields.days ?? "7";
  since = days === "all" ? undefined : Math.floor(Date.now() / 1000 - Number(days) * DAY_S);
  figures.clear();
  show();
  if (!seen) await look();
  for (const { line } of lines) {
    // where one app answers everything, its calls name no line
    const query = { since, line: lines.length > 1 ? line : undefined };
    try {
      figures.set(line, await api("/api/versions/figures", { query }));
    } catch (error) {
      figures.set(line, { versions: [], warnings: [error.message] });
    }
    show();
  }
}

function show() {
  if (!seen) return;
  if (!lines.length) {
    fill(shown, emptyState("No edge runs, so no version answers calls. Edges run with ", el("code", {}, "orchestra up"), " or ", el("code", {}, "orchestra edge"), "."));
    return;
  }
  fill(shown, lines.map(section), el("p", { class: "quiet" },
    "In brackets: 95 % confidence intervals. A value is marked where it differs from that of the version with most calls by more than chance. A line gets several versions in the app’s code: ",
    el("code", {}, "Line(versions={old: 100, new: 0})"), "."));
}

function section(found) {
  const of = figures.get(found.line);
  const rows = [...found.versions];
  for (const each of of?.versions ?? []) {
    if (!rows.some((row) => row.version === each.version)) rows.push({ name: each.version || "(none)", gone: true, share: null, missing_on: [], version: each.version });
  }
  const byVersion = new Map((of?.versions ?? []).map((each) => [each.version, each]));
  const several = found.versions.filter((row) => row.version).length > 1;
  const last = found.changes[0];
  return el("section", { "aria-label": `Line ${found.line}` },
    el("h2", {}, found.line === "*" ? "Every line that has no versions of its own (*)" : `Line ${found.line}`),
    found.in_force ? null : el("p", { class: "problem", role: "status" }, "No version of the last split runs: the shares in the code hold."),
    (of?.warnings ?? []).map((warning) => el("p", { class: "warn", role: "status" }, warning)),
    versions(found, rows, byVersion, several, of),
    decides && several
      ? el("div", { class: "toolbar" },
          el("button", { type: "button", class: "primary", onclick: () => split(found) }, "Change the shares…"),
          last && (Object.keys(last.shares ?? {}).length || last.before)
            ? el("button", { type: "button", onclick: () => rollBack(found) }, "Roll back…")
            : null)
      : null,
    several && !decides ? el("p", { class: "quiet" }, "Operators with the role admin change the shares.") : null,
    found.changes.length ? history(found.changes) : null,
  );
}

function versions(found, rows, byVersion, several, of) {
  const figure = (row) => byVersion.get(row.version);
  const waiting = of ? none : "…";
  return table({
    caption: `Versions of line ${found.line}`,
    rows,
    columns: [
      { key: "name", label: "Version", cell: (row) => [el("span", { class: "mono" }, row.name), runs(row)] },
      { key: "share", label: "Share", numeric: true, cell: sharing },
      { key: "calls", label: "Calls", numeric: true, cell: (row) => calls(row, figure(row), of) },
      ...SHARES.map(([key, label]) => ({ key, label, numeric: true, cell: (row) => (figure(row) ? share(figure(row)[key]) : waiting) })),
      ...[["wait_p50_ms", "Wait p50"], ["wait_p95_ms", "Wait p95"]].map(([key, label]) => ({
        key, label, numeric: true, cell: (row) => (figure(row) ? wait(figure(row)[key]) : waiting),
      })),
      ...(decides && several ? [{ key: "act", label: "", cell: (row) => promote(found, row) }] : []),
    ],
  });
}

function sharing(row) {
  if (row.share === null) return none;
  const code = row.share_in_code == null ? "not in the code" : `code: ${percent(row.share_in_code / 100)}`;
  return [el("strong", {}, percent(row.share / 100)), el("div", { class: "quiet" }, code)];
}

function runs(row) {
  if (row.gone || !row.version) return el("div", { class: "quiet" }, "does not run any more");
  return row.missing_on.length ? el("div", { class: "warn" }, `does not run on ${row.missing_on.join(", ")}`) : null;
}

function calls(row, figure, of) {
  if (!of) return "…";
  return figure?.version ? el("a", { href: withQuery("/calls", { version: figure.version, since }) }, count(figure.calls)) : count(figure?.calls ?? 0);
}

/** A share with its interval, marked where it differs by more than chance. */
function share({ count: counted, of, interval, differs, difference }) {
  if (!interval) return none;
  const points = (value) => `${value > 0 ? "+" : "−"}${Math.abs(100 * value).toFixed(0)}`;
  const end = (value) => (100 * value).toFixed(0);
  const title = `${count(counted)} of ${count(of)}`;
  return el("span", { title }, percent(interval.value), el("div", { class: "quiet" }, `(${end(interval.low)} – ${end(interval.high)} %)`),
    differs ? [el("div", { class: "warn" }, `differs by ${points(difference.value)}`), el("div", { class: "warn" }, `(${points(difference.low)} to ${points(difference.high)} points)`)] : null);
}

function wait(interval) {
  if (!interval) return none;
  const end = (value) => (value === null ? "?" : count(value));
  return el("span", {}, milliseconds(interval.value), el("div", { class: "quiet" }, `(${end(interval.low)} – ${end(interval.high)})`));
}

function history(changes) {
  const words = (shares) => Object.entries(shares).map(([name, value]) => `${name} ${percent(value / 100)}`).join(", ") || "as in the app’s code";
  return el("details", { open: true }, el("summary", {}, "Last changes"),
    el("ol", { class: "tail", reversed: true }, changes.slice(0, MOST_CHANGES).map((change) =>
      el("li", {}, timeElement(change.at, dateTime(change.at)), " ", el("strong", {}, change.action), ` by ${change.by || "somebody"}: ${words(change.shares ?? {})}`))));
}

// -- acts: each holds for the calls that begin from then on

function promote(found, row) {
  if (row.gone || !row.version || row.missing_on.length || row.share === 100) return "";
  const press = async () => {
    const text = `Every call that begins from now on, on ${named(found)}, is answered by ${row.name}. Calls that run keep their version.`;
    if (await confirm(`Promote ${row.name}?`, text, "Promote", "primary")) await change({ line: found.line, action: "promote", version: row.name });
  };
  return el("button", { type: "button", onclick: press, "aria-label": `Promote ${row.name}` }, "Promote…");
}

const named = (found) => (found.line === "*" ? "every line that has no versions of its own" : `line ${found.line}`);

async function split(found) {
  const rows = found.versions.filter((row) => row.version);
  const sum = el("p", { role: "status" });
  const body = el("div", { class: "filters" },
    rows.map((row) => field({ name: row.name, label: `${row.name}, percent`, type: "number", min: "0", max: "100", step: "any", value: String(row.share), required: true })),
    sum);
  const total = () => [...body.querySelectorAll("input")].reduce((all, input) => all + Number(input.value), 0);
  const tell = () => (sum.textContent = `${total()} % of 100 %, for the calls that begin from now on`);
  body.addEventListener("input", tell);
  tell();
  const chosen = await ask({ title: `Shares on ${named(found)}`, body, actions: [{ label: "Change", value: true, kind: "primary" }] });
  if (!chosen) return;
  const shares = Object.fromEntries(Object.entries(chosen.fields).map(([name, value]) => [name, Number(value)]));
  await change({ line: found.line, action: "split", shares });
}

async function rollBack(found) {
  const before = found.changes.find((each) => each.number === found.changes[0].before);
  const words = before ? Object.entries(before.shares).map(([name, value]) => `${name} ${percent(value / 100)}`).join(", ") : "those of the app’s code";
  const text = `The shares on ${named(found)} become ${words} again, for the calls that begin from now on.`;
  if (await confirm("Roll back the last change?", text, "Roll back", "primary")) await change({ line: found.line, action: "rollback" });
}

async function change(body) {
  try {
    await api("/api/versions", { body });
    toast("Changed: it holds for the next call.");
  } catch (error) {
    toast(error.message, "error");
  }
  await look();
}

followAddress(form, countCalls);
