// Results: what `orchestra compare`, `evaluate` and `simulate` have kept, and the command that makes a comparison.

import { field, followAddress, ofForm } from "./filters.js";
import { api, count, el, emptyState, errorState, fill, loading, milliseconds, none, openPage, percent, table, timeElement, toast } from "./shell.js";

const RETRY_MS = 5000;
const { main } = await openPage({ title: "Results", section: "results" });
const shown = el("div", {});
const command = el("code", { id: "command" });
const form = el("form", { class: "filters", "aria-label": "Which results" },
  field({ name: "call", label: "Call", placeholder: "its id" }),
  field({ name: "version", label: "Version", list: "versions" }),
  field({ name: "app", label: "Compare with the app", placeholder: "module:name" }),
  field({ name: "model", label: "… with the model" }),
  el("div", { class: "row wide" }, el("button", { class: "primary" }, "Show")),
  el("datalist", { id: "versions" }),
);
const copy = el("button", { type: "button", onclick: copyCommand }, "Copy");
main.append(form,
  el("div", { class: "panel row" }, el("span", {}, "Compare by this command, in a terminal:"), command, copy),
  shown,
);
form.addEventListener("input", () => showCommand(ofForm(form)));

/** A word of a command line that no shell takes apart. */
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function showCommand({ call = "", app = "", model = "" }) {
  const words = ["orchestra", "compare", call || "--since 2h"].map((word) => (word === "--since 2h" ? word : quoted(word)));
  if (app) words.push("--app", quoted(app));
  if (model) words.push("--model", quoted(model));
  command.textContent = words.join(" ");
}

async function copyCommand() {
  try {
    await navigator.clipboard.writeText(command.textContent);
    toast("Copied.");
  } catch {
    getSelection().selectAllChildren(command);
    toast("Press Ctrl-C: the browser lets no page without https copy.");
  }
}

async function load(fields) {
  showCommand(fields);
  fill(shown, loading());
  try {
    show((await api("/api/results")).results, fields);
  } catch (error) {
    fill(shown, errorState(error, () => load(fields)));
    if (error.status === 0 || error.status >= 500) setTimeout(() => load(fields), RETRY_MS);
  }
}

function show(results, { call, version }) {
  fill(form.querySelector("#versions"), [...new Set(results.map((each) => each.version))].map((value) => el("option", { value })));
  const wanted = results.filter((each) => (!call || each.of_calls.includes(call)) && (!version || each.version.startsWith(version)));
  const damaged = wanted.filter((each) => each.problem);
  const comparisons = wanted.filter((each) => each.kind === "comparison" && !each.problem);
  const evaluations = call ? [] : wanted.filter((each) => each.kind === "evaluation" && !each.problem);
  const simulations = call ? [] : wanted.filter((each) => each.kind === "simulation" && !each.problem);
  const when = { key: "at", label: "Made", cell: (row) => timeElement(Date.parse(row.at) / 1000) };
  const score = (name, label, text) => ({ key: name, label, numeric: true, cell: (row) => text(row.scores[name]) });
  fill(shown,
    damaged.map((each) => el("p", { class: "bad", role: "status" }, each.problem)),
    el("h2", {}, "Comparisons"),
    table({
      caption: "Comparisons",
      rows: comparisons,
      rowHref: (row) => `/results/comparisons/${row.name}`,
      columns: [
        when,
        { key: "version", label: "Answered by" },
        { key: "model", label: "Model" },
        { key: "calls", label: "Calls", numeric: true, cell: (row) => count(row.calls) },
        { key: "turns", label: "Turns", numeric: true, cell: (row) => count(row.turns) },
        { key: "diverged", label: "Turns that differ", numeric: true, cell: (row) => `${count(row.diverged)} (${percent(row.turns ? row.diverged / row.turns : null)})` },
      ],
      empty: emptyState(call ? "This call was not compared yet. The command above does it, and keeps the result here." : "Nothing was compared on this machine yet. The command above does it, and keeps the result here."),
    }),
    call ? null : el("h2", {}, "Evaluations"),
    call ? null : table({
      caption: "Evaluations",
      rows: evaluations,
      rowHref: (row) => `/results/evaluations/${row.name}`,
      columns: [
        when,
        { key: "set", label: "Set" },
        { key: "version", label: "Answered by" },
        { key: "model", label: "Model" },
        { key: "calls", label: "Calls", numeric: true, cell: (row) => count(row.calls) },
        score("agent", "Right agent", percent),
        score("tool", "Right tools", percent),
        score("outcome", "Right outcome", percent),
        score("first_ms_p95", "First sentence, p95", (value) => (value === null || value === undefined ? none : milliseconds(value))),
      ],
      empty: emptyState("No evaluation was kept on this machine yet: ", el("code", {}, "orchestra evaluate SET"), " keeps each run here."),
    }),
    call ? null : el("h2", {}, "Simulations"),
    call ? null : table({
      caption: "Simulations",
      rows: simulations,
      rowHref: (row) => `/results/simulations/${row.name}`,
      columns: [
        when,
        { key: "version", label: "Answered by" },
        { key: "model", label: "Model" },
        { key: "persona", label: "Callers played by", cell: (row) => row.persona || "no model" },
        { key: "calls", label: "Calls", numeric: true, cell: (row) => count(row.calls) },
        { key: "passed", label: "Passed", numeric: true, cell: (row) => `${count(row.passed)} (${percent(row.calls > row.invalid ? row.passed / (row.calls - row.invalid) : null)})` },
        { key: "invalid", label: "Invalid", numeric: true, cell: (row) => count(row.invalid) },
      ],
      empty: emptyState("No simulation was kept on this machine yet: ", el("code", {}, "orchestra simulate"), " keeps each one here."),
    }),
  );
}

followAddress(form, load);
