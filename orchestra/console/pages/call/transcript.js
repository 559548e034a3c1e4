// The transcript in step with the recording: the line that is heard is lit, a line that is clicked is played.

import { duration, el } from "../shell.js";
import { folded, keyed } from "./text.js";

const SPOKEN = new Set(["caller", "reply", "operator"]);
const BADGES = {
  tool: "tool", handoff: "handoff", key: "key", gap: "missing", unknown: "unknown type", damaged: "damaged",
  not_heard: "not heard", interrupted: "interrupted", operator: "operator", warning: "warning",
};

export class Transcript {
  // act: playFrom(second), toggle(), openEvent(number), openTurn(number)
  constructor(act) {
    this.act = act;
    this.lines = [];
    this.spoken = [];
    this.lit = [];
    this.list = el("ol", { class: "transcript", "aria-label": "What was said and done" });
    this.empty = el("p", { class: "quiet", hidden: true }, "Nothing has been said yet.");
    this.element = el(
      "section",
      { class: "panel", "aria-labelledby": "transcript-title" },
      el("h2", { id: "transcript-title" }, "Conversation"),
      el("p", { class: "quiet keys" }, "A click on a line plays it. Arrow keys move, Enter plays, Space pauses."),
      this.empty,
      this.list,
    );
    this.list.addEventListener("keydown", (event) => this.onKey(event));
  }

  update(view) {
    const counts = new Map();
    const keyOf = (line) => {
      const name = `${line.kind}/${line.turn ?? ""}/${line.event ?? ""}`;
      const nth = counts.get(name) ?? 0;
      counts.set(name, nth + 1);
      return `${name}/${nth}`;
    };
    const items = view.lines.map((line) => ({ ...line, key: keyOf(line) }));
    keyed(this.list, items, (line) => line.key, (line) => this.make(line));
    this.lines = items.map((line) => ({ ...line, element: this.list.keyed.get(line.key).element }));
    this.spoken = this.lines.filter((line) => SPOKEN.has(line.kind));
    this.empty.hidden = this.lines.length > 0;
    this.rove(this.lines.find((line) => line.element.querySelector("[tabindex='0']")) ?? this.lines[0]);
  }

  make(line) {
    const at = duration(line.at_s);
    const label = `Play from ${at}`;
    const item = el(
      "li",
      { class: `line ${line.kind}`, dataset: { at: line.at_s, turn: line.turn ?? "" } },
      el("button", { class: "at numeric", type: "button", tabindex: "-1", "aria-label": label, title: label }, at),
      el("div", { class: "words" }, ...words(line)),
      this.links(line),
    );
    item.addEventListener("click", (event) => {
      if (event.target.closest("button:not(.at), a") || String(getSelection())) return;
      this.act.playFrom(line.at_s);
    });
    return item;
  }

  links(line) {
    const places = el("span", { class: "places" });
    const link = (text, label, onclick) =>
      el("button", { type: "button", class: "link", tabindex: "-1", "aria-label": label, title: label, onclick }, text);
    if (line.turn !== undefined && SPOKEN.has(line.kind)) {
      places.append(link(`turn ${line.turn}`, `Open turn ${line.turn}`, () => this.act.openTurn(line.turn)));
    }
    if (line.event !== undefined && line.event !== null) {
      places.append(link(`#${line.event}`, `Show event ${line.event}`, () => this.act.openEvent(line.event)));
    }
    return places;
  }

  // only one line is in the order of the Tab key; arrows move among the others
  rove(line) {
    for (const button of this.list.querySelectorAll("[tabindex='0']")) button.tabIndex = -1;
    if (!line) return;
    for (const button of line.element.querySelectorAll("button.at, button.link")) button.tabIndex = 0;
  }

  onKey(event) {
    const index = this.lines.findIndex((line) => line.element.contains(event.target));
    const moves = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: this.lines.length - 1 };
    if (event.key === " " && event.target.matches("button.at")) {
      event.preventDefault();
      this.act.toggle();
    } else if (event.key in moves) {
      event.preventDefault();
      const line = this.lines[Math.min(Math.max(moves[event.key], 0), this.lines.length - 1)];
      this.rove(line);
      line?.element.querySelector("button.at").focus();
    }
  }

  // lights what is heard at this second of the recording
  light(at) {
    const latest = this.spoken.findLast((line) => line.at_s <= at);
    const heard = this.spoken
      .filter((line) => line === latest || (line.at_s <= at && line.to_s > at))
      .map((line) => line.element);
    if (heard.length === this.lit.length && heard.every((element, i) => element === this.lit[i])) return;
    for (const element of this.lit) element.removeAttribute("aria-current");
    for (const element of heard) element.setAttribute("aria-current", "true");
    this.lit = heard;
    if (latest && !this.list.contains(document.activeElement)) this.bringIntoView(latest.element);
  }

  bringIntoView(element) {
    const { list } = this;
    const above = element.offsetTop - list.scrollTop; // the list is what places are measured from
    if (above < 0 || above + element.offsetHeight > list.clientHeight) {
      list.scrollTop += above - list.clientHeight / 3;
    }
  }
}

function* words(line) {
  if (line.who) yield el("b", { class: "speaker", dir: "auto" }, line.who);
  const badge = BADGES[line.kind];
  if (badge) yield el("span", { class: `badge ${mood(line.kind)}` }, badge);
  if (badge) yield " ";
  if (line.kind === "unknown") {
    yield el("p", {}, `An event of the type ${line.text}, which this version does not know.`);
  } else if (line.text) {
    yield folded(line.text);
  } else if (line.kind === "caller") {
    yield el("p", { class: "quiet" }, "(nothing was understood)");
  }
  if (line.unheard) {
    yield " ";
    if (line.kind === "reply") yield el("span", { class: "visually-hidden" }, "Not heard any more: ");
    yield folded(line.unheard, { class: "unheard", title: "The caller did not hear this." });
  }
}

function mood(kind) {
  if (kind === "gap" || kind === "damaged") return "bad";
  return kind === "warning" || kind === "interrupted" || kind === "unknown" || kind === "not_heard" ? "warn" : "";
}
