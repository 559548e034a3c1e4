// The call that was chosen: what is known of it, what an operator can do, and its words as they come.

import { mountPanel } from "../steering.js";
import { count, el, fill, money, seconds } from "../shell.js";
import { stateOf } from "./list.js";
import { transcript } from "./transcript.js";

/** `show(call, row)` begins with another call, or with none; `close` is called when the person closes it. */
export function chosenCall({ operator, close }) {
  let shown = "";
  let panel;
  let said;
  let seen = "";
  const node = el("section", { class: "chosen-call", hidden: true, "aria-labelledby": "chosen" });
  const title = el("h2", { id: "chosen", tabindex: "-1" });
  const badge = el("span", { class: "badge" });
  const facts = el("dl");
  const note = el("p", { class: "quiet", hidden: true });
  const steps = el("div", { class: "stepping-in" });
  const words = el("div", { class: "words" });
  node.addEventListener("keydown", ({ key, target }) => {
    if (key === "Escape" && !target.closest("dialog, textarea, input")) close();
  });

  function unmount() {
    panel?.close();
    panel = undefined;
    steps.replaceChildren();
  }

  function draw(row) {
    const [label, colour] = stateOf(row);
    title.textContent = row.caller || "hidden number";
    badge.textContent = label;
    badge.className = `badge ${colour}`;
    const known = [
      ["Agent", row.agent],
      ["App", [row.app, row.version].filter(Boolean).join(", version ")],
      ["Line", row.line],
      ["Edge", row.edge],
      ["Turns", `${count(row.turns)}, ${count(row.interruptions)} interrupted`],
      ["Tools", row.failed_tools ? `${count(row.tools)}, ${count(row.failed_tools)} failed` : count(row.tools)],
      ["Last wait", row.wait_ms === null ? "" : seconds(row.wait_ms / 1000)],
      ["Cost", row.cost === null ? "" : money(row.cost, row.currency)],
      ["Transfer", row.target],
      ["Operators", row.operators.join(", ")],
    ];
    const text = JSON.stringify(known);
    if (text === seen) return;
    seen = text;
    fill(facts, known.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  return {
    node,
    show(call, row) {
      unmount();
      shown = call;
      seen = "";
      node.hidden = !call;
      if (!call) return;
      said = transcript();
      words.replaceChildren(said.node);
      title.textContent = row?.caller || "Call";
      badge.textContent = "";
      facts.replaceChildren();
      note.hidden = true;
      node.replaceChildren(
        el("div", { class: "row" }, title, badge, el("button", { type: "button", class: "close", onclick: close }, "Close")),
        facts,
        el("p", {}, el("a", { href: `/calls/${encodeURIComponent(call)}` }, "Everything about this call")),
        note,
        words,
        steps,
      );
      if (row) this.row(row);
    },
    /** The call as the list has it now; `gone`: it has left the list. */
    row(row, gone = false) {
      if (!shown || (!row && !gone)) return;
      if (gone || row.state === "ended") unmount();
      else panel ??= mountPanel(steps, shown, operator);
      if (row) draw(row);
      if (gone) tell("This call has left the list. Its page has everything about it.");
    },
    transcript(data) {
      if (data.call !== shown) return;
      said.all(data.lines);
      if (!data.known) tell("This call does not run, or no longer. If it ran, its page has everything about it.");
      else if (!data.whole) tell("The call began before what is shown here. Its page has all of it.");
      else note.hidden = true;
    },
    lines(data) {
      if (data.call === shown) said.change(data.lines);
    },
  };

  function tell(text) {
    note.textContent = text;
    note.hidden = false;
  }
}
