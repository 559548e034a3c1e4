// Where the time of each turn went: a bar for each, its stages as measured; what was done for it unfolds below.

import { api, el, errorState, loading, milliseconds, money, none, svg, table } from "../shell.js";
import { turnDetail } from "./turn-detail.js";
import { keyed } from "./text.js";

const WIDTH = 1000;
// so much of the width, before the zero, is for the caller's speech, which may last a minute
const SPEECH_SHARE = 0.25;
const READY = {
  speech: "speech ready when the turn ended", sentence: "sentence ready when the turn ended",
  prompt: "answer under way when the turn ended", nothing: "nothing ready when the turn ended",
};
const PREDICTIONS = {
  resumed: "void: the caller went on", other_words: "void: other words", hit: "right", open: "open",
};

export class Waterfall {
  // act: playFrom(second), openEvent(number)
  constructor(base, act) {
    this.base = base;
    this.act = act;
    this.list = el("ol", { class: "waterfall", "aria-label": "Turns" });
    this.legend = el("p", { class: "quiet legend" });
    this.axis = el("div", { class: "axis", "aria-hidden": "true" });
    this.numbers = el("div", { class: "scroll-x" });
    this.folded = el("details", { class: "numbers" }, el("summary", {}, "As a table"), this.numbers);
    this.folded.addEventListener("toggle", () => this.tell());
    this.element = el(
      "section",
      { class: "panel", "aria-labelledby": "waterfall-title" },
      el("h2", { id: "waterfall-title" }, "Where the time went"),
      el("p", { class: "quiet" }, "From the caller's last sound to the first sound of the reply. A turn unfolds."),
      this.legend, this.axis, this.list, this.folded,
    );
  }

  update(view) {
    this.view = view;
    const waits = view.turns.flatMap((turn) => (turn.measured ?? []).map(({ total_ms = 0 }) => total_ms));
    this.longest = Math.max(500, ...waits);
    this.legend.replaceChildren(...view.stages.flatMap((stage, i) => [
      el("span", { class: `swatch stage-${i + 1}` }), `${stage.name} `,
    ]), el("span", { class: "swatch speech" }), "speech ", el("span", { class: "swatch work" }), "prompts and tools");
    this.axis.replaceChildren(...ticks(this.longest).map((ms) => {
      const tick = el("span", {}, milliseconds(ms));
      tick.style.left = `${this.x(ms) / 10}%`;
      return tick;
    }));
    const rows = view.turns.map((turn) => ({ ...turn, longest: this.longest })); // another scale makes other bars
    keyed(this.list, rows, (turn) => turn.number, (turn, before) => this.row(turn, before));
    this.tell();
  }

  x(ms) {
    const before = (this.longest * SPEECH_SHARE) / (1 - SPEECH_SHARE);
    return (WIDTH * (Math.min(Math.max(ms, -before), this.longest) + before)) / (this.longest + before);
  }

  row(turn, before) {
    const parts = turn.measured?.length ? turn.measured : [undefined];
    const wait = parts[0]?.total_ms;
    const summary = el(
      "summary",
      {},
      el("span", { class: "turn-head" },
        el("b", {}, turn.number ? `Turn ${turn.number}` : "Greeting"),
        el("span", { class: "said", dir: "auto" }, (turn.said ?? "").slice(0, 200)),
        ...badges(turn),
        el("span", { class: "numeric total" }, wait === undefined ? "" : milliseconds(wait))),
      ...parts.map((part) => this.bar(turn, part)),
    );
    const content = el("div", { class: "turn-detail" });
    const element = el("details", { class: "turn", id: `turn-${turn.number}`, dataset: { turn: turn.number } }, summary, content);
    element.addEventListener("toggle", () => element.open && this.unfold(turn, content));
    element.open = Boolean(before?.querySelector("details").open);
    return el("li", {}, element);
  }

  bar(turn, measured) {
    const parts = [svg("line", { class: "zero", x1: this.x(0), x2: this.x(0), y1: 0, y2: 22 })];
    const rect = (name, from, to, top, height, text, data = {}) =>
      svg("rect", { class: name, x: this.x(from), y: top, width: Math.max(this.x(to) - this.x(from), 1.5), height,
        dataset: data }, svg("title", {}, text));
    for (const span of turn.spans ?? []) {
      const to = span.to_ms ?? this.longest;
      const spoke = `speech ${milliseconds(-span.from_ms)}`;
      if (span.kind === "speech") parts.push(rect("speech", span.from_ms, 0, 3, 10, spoke));
      if (span.kind !== "prompt" && span.kind !== "tool") continue;
      const took = span.to_ms === undefined ? "not answered" : milliseconds(to - span.from_ms);
      const failed = span.failed ? " failed" : "";
      const text = `${span.kind} ${span.name}: from ${milliseconds(span.from_ms)}, ${took}${failed}`;
      parts.push(rect(`work ${span.kind}${failed}`, span.from_ms, to, 16, 4, text));
    }
    let from = 0;
    for (const [i, { field, name }] of measured ? this.view.stages.entries() : []) {
      const ms = measured[field] ?? 0;
      const text = `${name} ${milliseconds(ms)}`;
      if (ms > 0) parts.push(rect(`stage-${i + 1}`, from, from + ms, 2, 12, text, { stage: field, ms }));
      from += Math.max(ms, 0);
    }
    if (turn.predicted_ms !== undefined && turn.predicted_ms !== null) {
      const text = `predicted at ${milliseconds(turn.predicted_ms)} (${PREDICTIONS[turn.prediction] ?? "open"})`;
      parts.push(rect("predicted", turn.predicted_ms, turn.predicted_ms, 0, 22, text));
    }
    const name = { role: "img", "aria-label": this.told(turn, measured) };
    return svg("svg", { viewBox: `0 0 ${WIDTH} 22`, preserveAspectRatio: "none", ...name }, parts);
  }

  told(turn, measured) {
    if (!measured) return turn.discarded ? "predicted, and no turn" : "not measured";
    const stages = this.view.stages.map(({ field, name }) => `${name} ${milliseconds(measured[field] ?? 0)}`);
    const total = `total ${milliseconds(measured.total_ms ?? 0)}`;
    return [...stages, total, READY[measured.ready]].filter(Boolean).join(", ");
  }

  async unfold(turn, content) {
    if (content.childNodes.length && !this.view.running) return;
    if (!content.childNodes.length) content.append(loading("Reading what was done…"));
    try {
      const detail = await api(`${this.base}/turns/${turn.number}`);
      content.replaceChildren(turnDetail(turn, detail, this.act));
    } catch (error) {
      content.replaceChildren(errorState(error, () => this.unfold(turn, content)));
    }
  }

  open(number) {
    const element = this.list.querySelector(`details[data-turn="${number}"]`);
    if (!element) return;
    element.open = true;
    element.scrollIntoView({ block: "start", behavior: "auto" });
    element.querySelector("summary").focus();
  }

  // the same numbers, for those who do not see the bars, and to copy
  tell() {
    if (!this.folded.open) return;
    const rows = this.view.turns.flatMap((turn) => (turn.measured ?? []).map((part, i) => ({ turn, part, i })));
    const time = (field, name) => ({
      key: field, label: name, numeric: true, cell: ({ part }) => milliseconds(part[field] ?? 0),
    });
    const currency = this.view.record.cost?.currency;
    const columns = [
      { key: "turn", label: "turn", numeric: true, cell: ({ turn, i }) => `${turn.number}${i ? ` (part ${i + 1})` : ""}` },
      ...this.view.stages.map(({ field, name }) => time(field, name)),
      time("stt_ms", "of turn end: transcript"),
      time("total_ms", "total"),
      { key: "ready", label: "ready", cell: ({ part }) => part.ready || none },
      time("predicted_ms", "predicted before"),
      { key: "cost", label: "cost", numeric: true, cell: ({ turn }) => money(turn.cost, currency) },
    ];
    this.numbers.replaceChildren(table({ caption: "The stages of each turn", columns, rows }));
  }
}

function* badges(turn) {
  const ready = turn.measured?.[0]?.ready;
  if (turn.discarded) yield el("span", { class: "badge warn" }, PREDICTIONS[turn.prediction] ?? "void");
  else if (turn.prediction === "hit") yield el("span", { class: "badge good", title: READY[ready] ?? "" }, "predicted");
  if (turn.interrupted) yield el("span", { class: "badge warn" }, "interrupted");
  if (turn.failed) yield el("span", { class: "badge bad" }, "failed");
  if (turn.cancelled && !turn.interrupted) yield el("span", { class: "badge" }, `cancelled: ${turn.cancelled}`);
  for (const rule of turn.rules ?? []) yield el("span", { class: "badge warn", dir: "auto" }, `rule ${rule}`);
}

function ticks(longest) {
  const step = [100, 250, 500, 1000, 2500, 5000, 10_000].find((each) => longest / each <= 4) ?? longest;
  return Array.from({ length: Math.floor(longest / step) + 1 }, (_, i) => i * step);
}
