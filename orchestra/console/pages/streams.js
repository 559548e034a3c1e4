// Streams: consumer groups and their workers, dead letters, the processes that are there, the tail of the journal.

import { field, inAddress, ofForm, showInForm } from "./filters.js";
import { ago, api, bytes, clock, confirm, count, dateTime, el, emptyState, errorState, fill, live, loading, may, none, openPage, percent, table, timeElement, toast, withQuery } from "./shell.js";

const LOOK_EVERY_MS = 2000;
const MOST_LINES = 300;

const { main, operator } = await openPage({ title: "Streams", section: "streams" });
const decides = may(operator, "admin");
const address = inAddress();

// -- groups and processes

const summary = el("p", { class: "quiet" });
const problem = el("div", {});
const groups = table({
  caption: "Consumer groups by worker",
  columns: [
    { key: "group", label: "Group", cell: (row) => el("a", { href: withQuery("/streams", { group: row.group }), onclick: (event) => choose(event, row.group) }, row.group) },
    { key: "owner", label: "Worker", cell: (row) => row.owner || el("span", { class: "badge bad" }, "nobody") },
    { key: "partitions", label: "Partitions", cell: (row) => ranges(row.partitions) },
    { key: "lag", label: "Not read yet", numeric: true, cell: (row) => (row.lag === null ? "?" : count(row.lag)) },
    { key: "pending", label: "Pending", numeric: true, cell: (row) => count(row.pending) },
    { key: "attempts", label: "Most attempts", numeric: true, cell: (row) => (row.attempts > 1 ? el("span", { class: "warn" }, count(row.attempts)) : row.attempts || none) },
    { key: "dead", label: "Dead letters", numeric: true, cell: (row) => (row.dead ? el("span", { class: "badge bad" }, count(row.dead)) : "0") },
  ],
  empty: emptyState("No consumer group has read here yet. Workers run with ", el("code", {}, "orchestra up"), " or ", el("code", {}, "orchestra worker NAME"), "."),
});
const processes = table({
  caption: "Processes",
  columns: [
    { key: "name", label: "Process", cell: (row) => row.name },
    { key: "kind", label: "Kind" },
    { key: "health", label: "Health", cell: health },
    { key: "load", label: "Load", cell: load },
    { key: "cores", label: "Processor", numeric: true, cell: (row) => percent(row.cores) },
    { key: "memory_bytes", label: "Memory", numeric: true, cell: (row) => bytes(row.memory_bytes) },
    { key: "host", label: "Machine", cell: (row) => `${row.host}, process ${row.pid}` },
    { key: "version", label: "Version" },
    { key: "started_at", label: "Runs since", cell: (row) => timeElement(row.started_at) },
  ],
  empty: emptyState("No edge and no worker has given a sign of life: they run with ", el("code", {}, "orchestra up"), "."),
});

function health(row) {
  if (!row.problems.length) return el("span", { class: "badge good" }, "well");
  return [el("span", { class: "badge bad" }, "has a problem"), el("div", {}, row.problems.join("; "))];
}

const before = new Map();

/** What a worker handles in a second: what it has counted since its record before. */
function handledPerS(row) {
  const last = before.get(row.name);
  if (last?.at === row.at) return last.rate;
  const rate = last ? Math.max(0, row.load.handled - last.handled) / (row.at - last.at) : null;
  before.set(row.name, { at: row.at, handled: row.load.handled, rate });
  return rate;
}

function load(row) {
  const rate = row.kind === "worker" ? handledPerS(row) : null;
  const given = (name, text) => (row.load[name] ? `${count(row.load[name])} ${text}` : null);
  const parts = row.kind === "edge"
    ? [`${count(row.load.calls)} of ${count(row.load.calls_limit)} calls`, given("refused", "refused"), given("events_buffered", "events wait for Redis"), given("media_dropped", "media events lost")]
    : [
        row.groups.length ? row.groups.join(", ") : null,
        "partitions" in row.load ? `${count(row.load.partitions)} partitions` : null,
        rate === null ? null : `${count(rate)} events a second`,
        given("failed", "attempts failed"), given("dead", "given up"), given("missing", "events missing"),
      ];
  return parts.filter(Boolean).join(" · ") || none;
}

function ranges(numbers) {
  const parts = [];
  for (const number of numbers) {
    if (parts.length && parts.at(-1)[1] === number - 1) parts.at(-1)[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? from : `${from}–${to}`)).join(" ");
}

let seen = "";

async function look() {
  try {
    const found = await api("/api/streams");
    fill(problem);
    const { used, limit, nearly_full: nearlyFull } = found.memory;
    const memory = limit ? `, uses ${bytes(used)} of ${bytes(limit)} of memory` : "";
    const badge = nearlyFull ? [" ", el("span", { class: "badge bad" }, "nearly full: less of the past is kept")] : [];
    fill(summary, `${found.server}, ${count(found.partitions)} partitions${memory}`, ...badge);
    const rows = found.groups.map((row) => ({ ...row, attempts: found.attempts[row.group] ?? 0 }));
    const busy = groups.contains(document.activeElement); // rows that are drawn anew lose the focus
    const now = JSON.stringify(rows);
    if (now !== seen && !busy) {
      groups.update(rows);
      seen = now;
    }
    processes.update(found.processes);
  } catch (error) {
    seen = "";
    fill(problem, errorState(error, look));
  }
}
setInterval(() => document.hidden || look(), LOOK_EVERY_MS);

// -- one group: what is pending, and its dead letters

const details = el("section", { "aria-label": "One group" });
let chosen = address.group ?? "";

function choose(event, group) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", withQuery("/streams", { group }));
  chosen = group;
  showGroup(true);
}
window.addEventListener("popstate", () => {
  chosen = inAddress().group ?? "";
  showGroup();
});

async function showGroup(moveThere = false) {
  if (!chosen) return void fill(details);
  const group = chosen;
  if (!details.childNodes.length) fill(details, loading());
  try {
    const found = await api(`/api/streams/groups/${encodeURIComponent(group)}`);
    if (group !== chosen) return;
    const head = el("h2", { tabindex: "-1" }, `Group ${group}`);
    fill(details, head, pending(found.pending), letters(group, found.dead_letters));
    if (moveThere) head.focus();
  } catch (error) {
    if (group === chosen) fill(details, errorState(error, showGroup));
  }
}

function pending(rows) {
  return [
    el("h3", {}, "Pending entries, the oldest of each stream"),
    table({
      caption: "Pending entries",
      rows,
      columns: [
        { key: "stream_id", label: "Entry" },
        { key: "type", label: "Type", cell: (row) => row.type || "(trimmed)" },
        { key: "call", label: "Call", cell: (row) => callLink(row.call) },
        { key: "partition", label: "Partition", numeric: true },
        { key: "attempts", label: "Attempt", numeric: true },
        { key: "idle_s", label: "Since", numeric: true, cell: (row) => ago(Date.now() / 1000 - row.idle_s) },
      ],
      empty: el("p", { class: "empty" }, "Nothing is pending."),
    }),
  ];
}

function letters(group, rows) {
  const boxes = new Map();
  const chosenNames = () => [...boxes].filter(([, box]) => box.checked).map(([name]) => name);
  const buttons = decides && rows.length
    ? el("div", { class: "toolbar" },
        el("button", { type: "button", onclick: () => decide(group, "requeue", chosenNames()) }, "Requeue chosen"),
        el("button", { type: "button", onclick: () => decide(group, "drop", chosenNames()) }, "Drop chosen"),
        el("button", { type: "button", onclick: () => decide(group, "requeue", null) }, "Requeue all"),
        el("button", { type: "button", class: "danger", onclick: () => decide(group, "drop", null) }, "Drop all"),
      )
    : null;
  const box = (row) => {
    const input = el("input", { type: "checkbox", "aria-label": `Choose ${row.name}` });
    boxes.set(row.name, input);
    return input;
  };
  return [
    el("h3", {}, "Dead letters, the latest first"),
    rows.length && !decides ? el("p", { class: "quiet" }, "Operators with the role admin can requeue and drop them.") : null,
    buttons,
    table({
      caption: "Dead letters",
      rows,
      columns: [
        { key: "name", label: "Letter", cell: (row) => el("button", { type: "button", onclick: () => showLetter(group, row.name) }, row.name) },
        ...(decides ? [{ key: "chosen", label: "Choose", cell: box }] : []),
        { key: "at", label: "Given up", cell: (row) => timeElement(row.at) },
        { key: "type", label: "Type" },
        { key: "call", label: "Call", cell: (row) => callLink(row.call) },
        { key: "attempts", label: "Attempts", numeric: true },
        { key: "error", label: "Error" },
      ],
      empty: el("p", { class: "empty" }, "This group could handle everything."),
    }),
    el("div", { id: "letter" }),
  ];
}

const callLink = (call) => (call ? el("a", { href: `/calls/${encodeURIComponent(call)}` }, call) : none);

async function showLetter(group, name) {
  const place = details.querySelector("#letter");
  try {
    const letter = await api(`/api/streams/groups/${encodeURIComponent(group)}/dead-letters/${name}`);
    const facts = ["type", "call", "id", "stream", "stream_id", "handler", "attempts", "published"];
    const head = el("h3", { tabindex: "-1" }, `Dead letter ${letter.name}`);
    fill(place, el("div", { class: "panel" }, head,
      el("dl", {}, facts.map((fact) => [el("dt", {}, fact.replace("_", " ")), el("dd", {}, fact === "call" ? callLink(letter.call) : String(letter[fact]))])),
      decides
        ? el("div", { class: "toolbar" },
            el("button", { type: "button", class: "primary", onclick: () => decide(group, "requeue", [name]) }, "Requeue this letter"),
            el("button", { type: "button", class: "danger", onclick: () => decide(group, "drop", [name]) }, "Drop this letter"),
          )
        : null,
      el("h3", {}, "Error"), long("Error and traceback", letter.error, "\n\n", letter.traceback),
      el("h3", {}, "Event"), long("Event", pretty(letter.body)),
    ));
    head.focus();
  } catch (error) {
    toast(error.message, "error");
  }
}

/** A text that may be long: moved within its box, by keyboard, too. */
const long = (label, ...text) => el("pre", { class: "long", tabindex: "0", role: "region", "aria-label": label }, text);

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body; // another producer's
  }
}

/** Requeue or drop the dead letters with these names; null: all of the group. */
async function decide(group, what, names) {
  if (names && !names.length) return toast("Choose dead letters first.");
  const which = names ? (names.length === 1 ? `the dead letter ${names[0]}` : `${count(names.length)} dead letters`) : "all dead letters";
  const [title, text, label] = what === "drop"
    ? [`Drop ${which} of ${group}?`, "Their events will never be handled by this group. This cannot be undone.", "Drop"]
    : [`Requeue ${which} of ${group}?`, "The group's workers handle their events again. What an earlier attempt has published is not published twice.", "Requeue"];
  if (!(await confirm(title, text, label, what === "drop" ? "danger" : "primary"))) return;
  try {
    const body = names ? { names } : { every: true };
    const { done, of } = await api(`/api/streams/groups/${encodeURIComponent(group)}/dead-letters/${what}`, { body });
    toast(`${what === "drop" ? "Dropped" : "Requeued"}: ${count(done)} of ${count(of)}.`);
  } catch (error) {
    toast(error.message, "error");
  }
  await Promise.all([showGroup(), look()]);
}

// -- the tail

const lines = el("ol", { class: "tail", role: "log", "aria-label": "Events as they arrive", tabindex: "0" });
const news = el("span", { class: "quiet", role: "status" });
const start = el("button", { class: "primary" }, "Follow");
const stop = el("button", { type: "button", disabled: true, onclick: () => follow(null) }, "Stop");
const form = el("form", { class: "filters", "aria-label": "Which events are followed" },
  field({ name: "call", label: "Call" }),
  field({ name: "type", label: "Type", placeholder: "user.turn.ended, tool" }),
  field({ name: "text", label: "Text in the event" }),
  field({ name: "media", label: "audio and partial transcripts, too", type: "checkbox" }),
  el("div", { class: "row wide" }, start, stop, el("button", { type: "button", onclick: () => fill(lines) }, "Clear"), news),
);
let following = null;

function follow(fields) {
  following?.close();
  following = null;
  stop.disabled = !fields;
  news.textContent = fields ? "Connecting…" : "";
  if (!fields) return;
  const path = withQuery("/api/streams/tail", fields);
  let begun = false;
  const mine = live(path, {
    message: show,
    events: { following: () => { begun = true; news.textContent = "Following: new events stand at the top."; } },
    closed: async () => {
      news.textContent = "Interrupted; it goes on by itself.";
      const why = begun ? "" : await refusal(path);
      if (!why || following !== mine) return;
      follow(null);
      news.textContent = why;
    },
  });
  following = mine;
}

/** Why the server does not let this be followed, which a stream of events cannot say. */
async function refusal(path) {
  const enough = new AbortController();
  try {
    const answer = await fetch(path, { signal: enough.signal });
    return answer.status >= 400 && answer.status < 500 ? (await answer.json()).error : "";
  } catch {
    return "";
  } finally {
    enough.abort();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = ofForm(form);
  follow(fields);
});

function show(entry) {
  const skipped = entry.skipped ? el("li", { class: "warn" }, `${count(entry.skipped)} events came too fast to be shown`) : null;
  const head = [el("span", { class: "quiet" }, clock(entry.at)), " ", el("strong", {}, entry.type), " ", callLink(entry.call)];
  const more = entry.cut ? ` … and ${count(entry.cut)} characters more` : "";
  const audio = entry.audio_bytes ? ` + ${bytes(entry.audio_bytes)} of audio` : "";
  lines.prepend(...[el("li", { title: `${dateTime(entry.at)}, ${entry.stream} ${entry.partition}, ${entry.stream_id}` },
    el("details", {}, el("summary", {}, head), el("pre", {}, pretty(entry.body) + more + audio))), skipped].filter(Boolean));
  while (lines.childNodes.length > MOST_LINES) lines.lastChild.remove();
}

main.append(problem, summary, el("h2", {}, "Groups"), groups, details, el("h2", {}, "Processes"), processes, el("h2", {}, "Tail"), form, lines);
if (address.call || address.type || address.text) {
  showInForm(form, address);
  follow(ofForm(form));
}
look();
showGroup();
