// The list of calls. A row is made once, and then only its texts change.

import { count, duration, el, emptyState, money, none, seconds } from "../shell.js";

const STATES = {
  connecting: ["connecting", ""],
  listening: ["listening", "good"],
  thinking: ["thinking", "busy"],
  tool: ["tool", "busy"],
  speaking: ["speaking", "good"],
  operator: ["operator", "warn"],
  transferring: ["transferring", "warn"],
  transferred: ["with a person", "warn"],
  ended: ["ended", ""],
};
const ORDERS = {
  oldest: ["longest first", (a, b) => a.started_at - b.started_at],
  newest: ["newest first", (a, b) => b.started_at - a.started_at],
  wait: ["longest wait first", (a, b) => (b.wait_ms ?? -1) - (a.wait_ms ?? -1)],
};
/** A wait that a caller notices as too long, ms. */
const LONG_WAIT_MS = 2000;

/** The state in words, and its colour. */
export function stateOf(row) {
  const [label, colour] = STATES[row.state] ?? [row.state, ""];
  if (row.state === "tool" && row.tool) return [`tool: ${row.tool}`, colour];
  if (row.state === "operator") return [`${row.holder} has the call`, colour];
  if (row.state === "ended") return [`ended: ${row.end_reason.replaceAll("_", " ")}`, row.end_reason === "failed" ? "bad" : colour];
  return [row.state === "listening" && row.caller_speaks ? "caller speaks" : label, colour];
}

/** Seconds that a call has taken up to now. */
export const tookS = (row, nowS) => (row.started_at ? (row.ended_at || nowS) - row.started_at : null);

/** `act`: a button beside the filters. `onChoose(call)` and `onFilter()` are called when a person does so; `filter`: see `filter()` of what is returned. */
export function callList({ act = null, filter = {}, onChoose, onFilter }) {
  const rows = new Map();
  const lines = new Map();
  let chosen = "";
  let current = "";
  let ahead = 0; // how far the console's clock is ahead of this one, in seconds

  const find = el("input", { type: "search", id: "find", value: filter.find ?? "", oninput: filtered, placeholder: "number, agent, app, line" });
  const state = choice("state", "State", [["", "any"], ...Object.entries(STATES).map(([key, [label]]) => [key, label])]);
  const order = choice("order", "Order", Object.entries(ORDERS).map(([key, [label]]) => [key, label]));
  const total = el("p", { class: "quiet", role: "status" });
  const body = el("tbody", { onkeydown: move, onclick: ({ target }) => press(target.closest("tr")) });
  const heads = ["Caller", "State", "Agent", "Last wait", "Time", "Cost", "App", "Line"];
  const numeric = new Set(["Last wait", "Time", "Cost"]);
  const table = el(
    "table",
    {},
    el("caption", { class: "visually-hidden" }, "Calls that run; arrow keys move, Enter shows a call"),
    el("thead", {}, el("tr", {}, heads.map((head, at) => el("th", { scope: "col", class: `c${at}${numeric.has(head) ? " numeric" : ""}` }, head)))),
    body,
  );
  const wide = el("div", { class: "scroll-x", hidden: true }, table);
  const empty = el("div", { hidden: true });
  const loading = el("p", { class: "empty", role: "status" }, "Looking for calls…");
  const node = el(
    "section",
    { class: "call-list", "aria-label": "Calls that run" },
    el("div", { class: "toolbar" }, el("label", { for: "find" }, "Find"), find, ...state.nodes, ...order.nodes, total, act),
    wide,
    empty,
    loading,
  );
  setInterval(tick, 1000);

  function choice(id, label, options) {
    const select = el("select", { id, onchange: filtered }, options.map(([value, text]) => el("option", { value }, text)));
    select.value = options.some(([value]) => value === filter[id]) ? filter[id] : options[0][0];
    return { select, first: options[0][0], nodes: [el("label", { for: id }, label), select] };
  }

  function filtered() {
    place();
    onFilter();
  }

  function matches(row) {
    if (state.select.value && row.state !== state.select.value) return false;
    const wanted = find.value.trim().toLowerCase();
    const text = [row.caller, row.agent, row.app, row.line, row.call, row.edge, row.tool, ...row.operators].join(" ").toLowerCase();
    return wanted.split(/\s+/).every((word) => text.includes(word));
  }

  function lineOf(call) {
    const cells = heads.map((head, at) => el(at ? "td" : "th", { class: `c${at}${numeric.has(head) ? " numeric" : ""}`, scope: at ? null : "row" }));
    const button = el("button", { type: "button", class: "call", tabindex: "-1" });
    const flags = el("span", { class: "badge warn", hidden: true }, "events missing");
    cells[0].append(button, flags);
    const badge = el("span", { class: "badge" });
    cells[1].append(badge);
    const line = { tr: el("tr", { class: "leads", dataset: { call } }, cells), cells, button, flags, badge, call };
    lines.set(call, line);
    return line;
  }

  function draw(row) {
    const line = lines.get(row.call) ?? lineOf(row.call);
    const { cells } = line;
    const [label, colour] = stateOf(row);
    write(line.button, `${row.direction === "outbound" ? "→ " : ""}${row.caller || "hidden number"}`);
    write(line.badge, label);
    line.badge.className = `badge ${colour}`;
    line.flags.hidden = !row.gaps;
    write(cells[2], row.agent || none);
    write(cells[3], row.wait_ms === null ? none : seconds(row.wait_ms / 1000));
    cells[3].classList.toggle("warn", row.wait_ms > LONG_WAIT_MS);
    write(cells[4], duration(tookS(row, now())));
    write(cells[5], row.cost === null ? none : money(row.cost, row.currency));
    write(cells[6], row.app || none);
    write(cells[7], row.line || none);
    line.tr.classList.toggle("over", row.state === "ended");
    mark(line);
  }

  function mark(line) {
    const is = line.call === chosen;
    line.tr.classList.toggle("chosen", is);
    if (is) line.button.setAttribute("aria-current", "true");
    else line.button.removeAttribute("aria-current");
    line.button.tabIndex = line.call === current ? 0 : -1;
  }

  /** Put the rows that are wanted in their order; one that is where it belongs is not touched. */
  function place() {
    const compare = ORDERS[order.select.value][1];
    const shown = [...rows.values()].filter(matches).sort((a, b) => compare(a, b) || a.started_at - b.started_at || (a.call < b.call ? -1 : 1));
    const wanted = shown.map((row) => lines.get(row.call).tr);
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    const keep = new Set(wanted);
    for (const tr of [...body.children]) if (!keep.has(tr)) tr.remove();
    wanted.forEach((tr, at) => body.children[at] !== tr && body.insertBefore(tr, body.children[at] ?? null));
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    if (!shown.some((row) => row.call === current)) setCurrent(shown[0]?.call ?? "");
    const running = [...rows.values()].filter((row) => row.state !== "ended").length;
    write(total, `${count(running)} running${shown.length === rows.size ? "" : `, ${count(shown.length)} shown`}`);
    loading.hidden = true;
    wide.hidden = !shown.length;
    empty.hidden = Boolean(shown.length);
    if (!shown.length) {
      const text = rows.size ? "No call is like that. Change what you look for." : "No call runs. The next one appears here by itself.";
      if (empty.textContent !== text) empty.replaceChildren(emptyState(text));
    }
  }

  function setCurrent(call) {
    const before = lines.get(current);
    current = call;
    for (const line of [before, lines.get(call)]) if (line) mark(line);
  }

  function move(event) {
    const shown = [...body.children];
    const at = shown.findIndex((tr) => tr.dataset.call === current);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined || !shown[to]) return;
    event.preventDefault();
    setCurrent(shown[to].dataset.call);
    lines.get(current).button.focus();
  }

  function press(tr) {
    if (!tr || String(getSelection())) return;
    setCurrent(tr.dataset.call);
    onChoose(tr.dataset.call);
  }

  const now = () => Date.now() / 1000 + ahead;

  function tick() {
    if (document.hidden) return;
    for (const row of rows.values()) if (row.state !== "ended") write(lines.get(row.call).cells[4], duration(tookS(row, now())));
  }

  function drop(call) {
    rows.delete(call);
    lines.get(call)?.tr.remove();
    lines.delete(call);
  }

  return {
    node,
    chosen: () => chosen,
    row: (call) => rows.get(call),
    /** What is looked for, without what is so by itself. */
    filter: () => ({
      find: find.value.trim(),
      state: state.select.value,
      order: order.select.value === order.first ? "" : order.select.value,
    }),
    choose(call) {
      const before = lines.get(chosen);
      chosen = call;
      for (const line of [before, lines.get(call)]) if (line) mark(line);
    },
    /** Every call as it is. */
    all(data) {
      ahead = data.now - Date.now() / 1000;
      const known = new Set(data.calls.map((row) => row.call));
      for (const call of [...rows.keys()]) if (!known.has(call)) drop(call);
      for (const row of data.calls) {
        rows.set(row.call, row);
        draw(row);
      }
      place();
    },
    /** The fields that have changed, and the calls that are gone. */
    change(data) {
      ahead = data.now - Date.now() / 1000;
      for (const call of data.gone) drop(call);
      let moved = data.gone.length > 0;
      for (const fields of data.calls) {
        const before = rows.get(fields.call);
        const row = { ...before, ...fields };
        rows.set(row.call, row);
        draw(row);
        moved ||= !before || matches(before) !== matches(row) || (order.select.value === "wait" && "wait_ms" in fields) || "ended_at" in fields;
      }
      if (moved) place();
    },
  };
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
