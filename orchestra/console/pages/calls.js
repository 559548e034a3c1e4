// Calls: all of them, the running ones first, found by what happened in them. The filters stand in the address.

import { field, followAddress, inAddress } from "./filters.js";
import { api, count, duration, el, emptyState, errorState, fill, loading, milliseconds, none, openPage, table, timeElement, withQuery } from "./shell.js";

const RETRY_MS = 5000;
const AGAIN_MS = 30_000;
const RECORDING = { on: "kept", refused: "refused", asked: "not answered", told: "not told", off: "turned off" };
const FIELDS = [
  { name: "words", label: "Words that were said", type: "search", placeholder: 'parcel, or "in this order"', accesskey: "f" },
  { name: "number", label: "Number", inputmode: "tel", placeholder: "+1555 or 0001" },
  { name: "since", label: "Began since", type: "datetime-local" },
  { name: "until", label: "Began before", type: "datetime-local" },
  { name: "outcome", label: "Outcome", list: "outcomes", placeholder: "running, transferred…" },
  { name: "recording_mode", label: "Recording", options: [["", "any"], ...Object.entries(RECORDING)] },
  { name: "app", label: "App" },
  { name: "version", label: "Version" },
  { name: "line", label: "Line" },
  { name: "agent", label: "Agent" },
  { name: "tool", label: "Tool" },
  { name: "wait_ms", label: "A wait of at least (ms)", type: "number", min: "0", step: "any" },
  { name: "score", label: "Score of at least", options: [["", "any"], ...[1, 2, 3, 4, 5].map((score) => [String(score), `${score} of 5`])] },
];
const CHECKS = [
  { name: "failed_tool", label: "the tool failed" },
  { name: "interrupted", label: "interrupted by the caller" },
  { name: "transferred", label: "handed to a person" },
];
const OUTCOMES = ["running", "caller_hung_up", "agent_hung_up", "transferred", "silence", "time_limit", "failed", "busy", "no_answer"];

const { main } = await openPage({ title: "Calls", section: "calls" });
const shown = el("div", { "aria-busy": "false" });
const news = el("p", { class: "visually-hidden", role: "status" });
const clear = el("button", { type: "button", onclick: () => go({}) }, "Clear");
const form = el("form", { class: "filters", role: "search", "aria-label": "Find calls" },
  FIELDS.map(field),
  el("div", { class: "row wide" }, CHECKS.map((each) => field({ ...each, type: "checkbox" }))),
  el("div", { class: "row wide" }, el("button", { class: "primary" }, "Find"), clear),
  el("datalist", { id: "outcomes" }, OUTCOMES.map((value) => el("option", { value }))),
);
main.append(form, news, shown);

const BADGES = { running: "busy", failed: "bad", its_end_is_missing: "bad" };
const STATUSES = { running: "running", lost: "its_end_is_missing" };
const outcome = (call) => {
  const word = STATUSES[call.status] ?? call.outcome ?? "ended";
  return el("span", { class: `badge ${BADGES[word] ?? ""}` }, word.replaceAll("_", " "));
};
/** One after the other, whichever way each is written. */
const led = (...places) => places.filter(Boolean).map((place, at) => [at ? " → " : null, el("bdi", {}, place)]);
/** A version, which is parted after the platform's own if it is too long for its column. */
const parted = (version) => (version ? version.split("+").flatMap((part, at) => (at ? ["+", el("wbr"), part] : [part])) : none);
const columns = [
  { key: "started_at", label: "Began", cell: (call) => timeElement(call.started_at) },
  { key: "numbers", label: "Caller → line", cell: (call) => led(call.from_number || none, call.to_number || none) },
  { key: "outcome", label: "Outcome", cell: outcome },
  { key: "app", label: "App", cell: (call) => led(call.app || none, call.passed_to) },
  { key: "agent", label: "Agent", cell: (call) => call.agent || none },
  { key: "version", label: "Version", cell: (call) => parted(call.version) },
  { key: "duration_s", label: "Length", numeric: true, cell: (call) => (call.status in STATUSES ? none : duration(call.duration_s)) },
  { key: "turns", label: "Turns", numeric: true, cell: (call) => count(call.turns) },
  { key: "wait_ms", label: "Longest wait", numeric: true, cell: (call) => milliseconds(call.wait_ms) },
  { key: "tools", label: "Tools", numeric: true, cell: (call) => count(call.tools) + (call.failed_tools ? ` (${count(call.failed_tools)} failed)` : "") },
  { key: "score", label: "Score", numeric: true, cell: (call) => call.score ?? none },
];
const list = (caption, rows) => table({ caption, columns, rows, rowHref: (call) => `/calls/${encodeURIComponent(call.call)}` });

let asked = 0;
let again = 0;

async function load(fields) {
  const mine = ++asked;
  clearTimeout(again);
  shown.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => mine === asked && fill(shown, loading("Looking through the calls…")), 400);
  try {
    const found = await api("/api/calls", { query: fields });
    if (mine === asked) show(found, fields);
  } catch (error) {
    if (mine !== asked) return;
    fill(shown, errorState(error, () => load(fields)));
    if (error.status === 0 || error.status >= 500) again = setTimeout(() => load(fields), RETRY_MS);
  } finally {
    clearTimeout(slow);
    if (mine === asked) shown.setAttribute("aria-busy", "false");
  }
}

function show(found, fields) {
  const filtered = Object.keys(fields).some((name) => name !== "after");
  const parts = found.warnings.map((warning) => el("p", { class: "warn", role: "status" }, warning));
  if (found.running.length) parts.push(el("h2", {}, `Running (${count(found.running.length)})`), list("Running calls", found.running));
  if (found.calls.length) parts.push(el("h2", {}, found.running.length ? "Ended" : "Calls"), list("Calls", found.calls));
  if (found.next || fields.after) parts.push(pages(found, fields));
  if (!found.running.length && !found.calls.length && !found.next) parts.push(nothing(filtered, fields));
  fill(shown, parts);
  news.textContent = `${count(found.running.length)} running calls, ${count(found.calls.length)} others${found.next ? ", and older ones" : ""}`;
}

function pages(found, fields) {
  const { after, ...first } = fields;
  return el("nav", { class: "row", "aria-label": "Pages" },
    after ? el("a", { class: "button", href: withQuery("/calls", first) }, "First page") : null,
    found.next ? el("a", { class: "button", href: withQuery("/calls", { ...first, after: found.next }), rel: "next" }, "Older calls") : null,
  );
}

function nothing(filtered, fields) {
  if (fields.after) return emptyState("There are no older calls.");
  if (filtered) return emptyState("No call meets all of this.", el("button", { type: "button", onclick: () => go({}) }, "Show all calls"));
  return emptyState("There is no call yet. Ring one of your lines, or try it here:", el("p", {}, el("code", {}, "orchestra call"), " or ", el("code", {}, "orchestra talk")));
}

const go = followAddress(form, load);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, select, textarea") && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    form.elements.words.focus();
  }
});
setInterval(() => {
  // what runs now is soon something else; the older pages stand
  if (!document.hidden && shown.querySelector(".badge.busy") && !inAddress().after && !shown.contains(document.activeElement)) load(inAddress());
}, AGAIN_MS);
