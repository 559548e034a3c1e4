// Figures: what the calls sum up to. Each point leads to the calls behind it.

import { rowChart, timeChart } from "./charts.js";
import { field, followAddress } from "./filters.js";
import { api, count, el, emptyState, errorState, fill, loading, milliseconds, money, none, openPage, percent, table, withQuery } from "./shell.js";

const RETRY_MS = 5000;
const DAY_S = 86_400;
const DAYS = [["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "a year"], ["all", "all days"]];
const BY = [["", "day"], ["app", "app"], ["version", "version"], ["agent", "agent"]];
const STAGES = {
  total: "the whole wait", turn_end: "end of the turn", stt: "of it speech recognition", routing: "routing", first_token: "the model's first token",
  first_sentence: "first sentence", tts: "voice", output: "output",
};

const { main } = await openPage({ title: "Figures", section: "figures" });
const shown = el("div", {});
const form = el("form", { class: "filters", "aria-label": "Which calls are counted" },
  field({ name: "days", label: "Of the last", options: DAYS }),
  field({ name: "by", label: "By", options: BY }),
  field({ name: "app", label: "App" }),
  field({ name: "version", label: "Version" }),
  field({ name: "agent", label: "Agent" }),
  field({ name: "line", label: "Line" }),
  el("div", { class: "row wide" }, el("button", { class: "primary" }, "Show")),
);
main.append(form, shown);

let asked = 0;
let again = 0;

async function load(fields) {
  const mine = ++asked;
  clearTimeout(again);
  form.elements.days.value = fields.days ?? "30";
  const slow = setTimeout(() => mine === asked && fill(shown, loading("Counting…")), 400);
  const { days = "30", ...filter } = fields;
  const midnight = Math.floor(Date.now() / 1000 / DAY_S) * DAY_S;
  const since = days === "all" ? undefined : midnight - (Math.max(1, Number(days) || 30) - 1) * DAY_S;
  try {
    const found = await api("/api/figures", { query: { ...filter, since } });
    if (mine === asked) show(found, { ...filter, since });
  } catch (error) {
    if (mine !== asked) return;
    fill(shown, errorState(error, () => load(fields)));
    if (error.status === 0 || error.status >= 500) again = setTimeout(() => load(fields), RETRY_MS);
  } finally {
    clearTimeout(slow);
  }
}
form.addEventListener("change", (event) => event.target.closest("select") && form.requestSubmit());

function show(found, { by = "day", since, ...filter }) {
  const warnings = found.warnings.map((warning) => el("p", { class: "warn", role: "status" }, warning));
  if (!found.groups.length) {
    fill(shown, warnings, emptyState("There is no call in these days. Choose more of them, or fewer conditions."));
    return;
  }
  const groups = found.groups;
  const calls = (index, more = {}) => (String(groups[index].key ?? "") === "" ? null : withQuery("/calls", { ...filter, since, ...behind(by, groups[index].key), ...more }));
  const labels = groups.map((group) => String(group.key ?? "") || "(none)");
  const chart = by === "day" ? timeChart : rowChart;
  const draw = (options) => chart({ labels, ...options });
  const number = (name, title, series) => draw({
    title, unit: "", format: count,
    series: series.map(([label, value, more]) => ({ name: label, values: groups.map(value), href: (index) => calls(index, more) })),
  });
  const outcomes = [...new Set(groups.flatMap((group) => Object.keys(group.outcomes)))].sort();
  fill(shown, warnings, totals(groups, found),
    el("div", { class: "charts" },
      number("calls", "Calls by outcome", outcomes.map((name) => [name.replaceAll("_", " "), (group) => group.outcomes[name] ?? 0, { outcome: name }])),
      waits(found, draw, groups, calls, by),
      number("interruptions", "Replies that callers interrupted", [["interrupted", (group) => group.interruptions, { interrupted: true }]]),
      number("tools", "Tool calls", [
        ["completed", (group) => group.tools - group.failed_tools, {}],
        ["failed", (group) => group.failed_tools, { failed_tool: true }],
      ]),
      number("handovers", "Hand-overs to people", [
        ["accepted", (group) => group.accepted, { transferred: true }],
        ["not accepted", (group) => group.handovers - group.accepted, { transferred: true }],
      ]),
      costs(found, draw, groups, calls),
      number("tokens", "Tokens of the models", [
        ["in prompts", (group) => group.prompt_tokens, {}],
        ["in answers", (group) => group.completion_tokens, {}],
      ]),
      tools(found),
    ),
    judgements(found.judgements),
    el("p", { class: "quiet" }, "Days are those of UTC. Calls count on the day they began. What a wait is made of: ", el("code", {}, "orchestra report"), " has the same figures."),
  );
}

/** The filter of the list of calls that has the calls of this group. */
function behind(by, key) {
  if (by !== "day") return { [by]: key };
  const begin = Date.parse(`${key}T00:00:00Z`) / 1000;
  return { since: begin, until: begin + DAY_S };
}

function totals(groups, found) {
  const sum = (name) => groups.reduce((all, group) => all + (group[name] ?? 0), 0);
  const tiles = [
    ["calls", count(sum("calls"))],
    ["turns", count(sum("turns"))],
    ["interrupted", percent(sum("turns") ? sum("interruptions") / sum("turns") : null)],
    ["tools failed", percent(sum("tools") ? sum("failed_tools") / sum("tools") : null)],
    ["to people", percent(sum("calls") ? sum("handovers") / sum("calls") : null)],
    ["cost", Object.keys(found.costs.by_key).length ? money(Object.values(found.costs.by_key).reduce((all, each) => all + each.total, 0), found.costs.currency) : none],
  ];
  return el("dl", { class: "tiles" }, tiles.map(([name, value]) => el("div", { class: "panel" }, el("dt", {}, name), el("dd", {}, value))));
}

let stage = "total";

function waits(found, draw, groups, calls, by) {
  const names = Object.keys(STAGES);
  const chart = () => draw({
    title: "Wait for a reply", unit: "ms", format: milliseconds, kind: by === "day" ? "lines" : "dots",
    series: ["p50", "p95"].map((share) => ({
      name: share,
      values: groups.map((group) => group.wait[stage]?.[share] ?? null),
      href: (index) => calls(index, stage === "total" ? { wait_ms: Math.floor(groups[index].wait.total[share]) } : {}),
    })),
  });
  const holder = el("div", {}, chart());
  const select = el("select", { id: "stage", onchange: () => { stage = select.value; fill(holder, chart()); } },
    names.map((name) => el("option", { value: name, selected: name === stage }, STAGES[name])),
  );
  return el("div", { class: "panel" }, el("p", { class: "row" }, el("label", { for: "stage" }, "Stage of the wait"), select), holder);
}

function costs(found, draw, groups, calls) {
  const known = found.costs.by_key;
  if (!Object.keys(known).length) {
    return el("div", { class: "panel" }, el("p", {}, el("strong", {}, "Cost")),
      el("p", { class: "quiet" }, "No price is set: ", el("code", {}, "ORCHESTRA_PRICES"), " is the table of prices."));
  }
  const node = draw({
    title: "Cost", unit: found.costs.currency, format: (value) => money(value, found.costs.currency),
    series: ["models", "speech", "line"].map((name) => ({
      name, values: groups.map((group) => known[String(group.key ?? "")]?.[name] ?? null), href: (index) => calls(index),
    })),
  });
  if (found.costs.unpriced.length) node.append(el("p", { class: "warn" }, `Without a price: ${found.costs.unpriced.join(", ")}`));
  return node;
}

function tools(found) {
  const byName = new Map();
  for (const each of found.tools) {
    const sum = byName.get(each.name) ?? { calls: 0, failed: 0 };
    byName.set(each.name, { calls: sum.calls + each.calls, failed: sum.failed + each.failed });
  }
  const names = [...byName.keys()].sort((one, other) => byName.get(other).calls - byName.get(one).calls).slice(0, 20);
  if (!names.length) return null;
  return rowChart({
    title: "Tools by name", unit: "", format: count, labels: names,
    series: [
      { name: "completed", values: names.map((name) => byName.get(name).calls - byName.get(name).failed), href: (index) => withQuery("/calls", { tool: names[index] }) },
      { name: "failed", values: names.map((name) => byName.get(name).failed), href: (index) => withQuery("/calls", { tool: names[index], failed_tool: true }) },
    ],
  });
}

/** What judges say of these calls, and how far annotators agree. */
function judgements({ judges, success, agreement }) {
  if (!judges.length && !success.calls) return null;
  const number = (key, label) => ({ key, label, numeric: true, cell: (row) => count(row[key]) });
  const judge = [{ key: "judge", label: "Judge" }, { key: "version", label: "Version", cell: (row) => row.version || none }];
  return el("section", { class: "panel", "aria-labelledby": "judges-title" },
    el("h2", { id: "judges-title" }, "Judges"),
    success.calls ? el("p", {}, `${percent(success.share)} of ${count(success.calls)} ${success.calls === 1 ? "call was" : "calls were"} a success, as their apps decide.`) : null,
    judges.length ? table({
      caption: "What judges say", rows: judges,
      columns: [...judge, number("calls", "Calls"), number("passed", "Passed"), number("not_passed", "Not passed"), number("cannot_tell", "Cannot tell"),
        number("failed", "Failed"), { key: "share", label: "Share that passes", numeric: true, cell: (row) => percent(row.share) }],
    }) : null,
    agreement.length ? table({
      caption: "Judges and annotators", rows: agreement,
      columns: [...judge, { key: "question", label: "Annotators' answer" }, number("calls", "Calls"),
        { key: "agreed", label: "Agreed", numeric: true, cell: (row) => percent(row.agreed) },
        { key: "kappa", label: "Cohen's kappa", numeric: true, cell: (row) => (row.kappa === null ? none : row.kappa.toFixed(2)) }],
    }) : null);
}

followAddress(form, load);
