// What was said about the call afterwards: by its app's analysis and judges, annotators, and evaluation runs.

import { api, el, percent } from "../shell.js";
import { folded } from "./text.js";

export function assessmentsPanel(base) {
  const content = el("div", {}, el("p", { class: "quiet" }, "Looking for what was said of the call…"));
  const element = el("section", { class: "panel", "aria-labelledby": "assessments-title" },
    el("h2", { id: "assessments-title" }, "Analysed, annotated and evaluated"), content);
  const fill = async () => {
    try {
      content.replaceChildren(...parts(await api(`${base}/assessments`)));
    } catch (error) {
      content.replaceChildren(el("p", { class: "quiet" }, `Nothing can be shown: ${error.message}`));
    }
  };
  (window.requestIdleCallback ?? setTimeout)(fill);
  return { element };
}

function* parts({ analysed, annotated, runs, problems }) {
  for (const problem of problems) yield el("p", { class: "badge warn" }, problem);
  if (analysed) yield* analysis(analysed);
  if (annotated) yield* annotation(annotated);
  for (const run of runs) yield evaluation(run);
  if (!analysed && !annotated && !runs.length) {
    yield el("p", { class: "quiet" }, "No annotation of this call is here, and no evaluation run found anything wrong. ",
      el("code", {}, "orchestra curate pull"), " brings annotations, ",
      el("code", {}, "orchestra evaluate"), " plays annotated calls.");
  }
}

function* analysis(found) {
  const { summary, success, success_reason: why, extracted, not_extracted: lacks, verdicts, errors } = found;
  if (summary) yield folded(summary, { class: "words" });
  if (success !== null || why) yield el("p", {}, badge(success, "succeeded", "did not succeed"), " ", el("bdi", {}, why));
  const values = [
    ...Object.entries(extracted).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ...Object.entries(lacks).map(([name, reason]) => [name, `nothing: ${reason}`]),
  ];
  if (values.length) yield el("dl", {}, values.flatMap(([name, value]) => [el("dt", { dir: "auto" }, name), el("dd", {}, folded(value, {}, "span"))]));
  if (verdicts.length) {
    const again = (name) => verdicts.filter(({ judge }) => judge === name).length > 1;
    yield el("ul", {}, verdicts.map(({ judge, version = "", passed = null, reason = "", turns = [], error = "" }) => el("li", {},
      el("b", { dir: "auto" }, judge), again(judge) ? [" ", el("code", {}, version)] : null, " ", passed === null && error ? el("span", { class: "badge warn" }, "no verdict") : badge(passed, "passed", "not passed"), " ", folded(reason || error, {}, "span"),
      turns.map((turn) => [" ", turnLink(turn)]))));
  }
  for (const error of errors) yield el("p", { class: "quiet", dir: "auto" }, error);
}

function turnLink(turn) {
  const id = `turn-${turn}`;
  const unfold = () => document.getElementById(id)?.setAttribute("open", "");
  return el("a", { href: `#${id}`, onclick: unfold }, `turn ${turn}`);
}

function badge(is, yes, no) {
  if (is === null) return el("span", { class: "badge" }, "cannot tell");
  return el("span", { class: `badge ${is ? "good" : "bad"}` }, is ? yes : no);
}

function* annotation(call) {
  const issues = call.issues.map((path) => path.join(" › ")).join(", ");
  const rate = call.words ? `, ${percent(call.errors / call.words)} of the caller's words misrecognized` : "";
  const stars = call.quality ? `, quality ${call.quality} of 5` : "";
  const found = `${call.outcome || "no outcome"}${stars}${rate}${issues ? `; ${issues}` : ""}`;
  yield el("p", {}, el("b", {}, "Annotated: "), el("bdi", {}, found));
  if (call.notes) yield folded(call.notes, { class: "words" });
  const marked = call.turns.filter((turn) => turn.labels.length || turn.corrected !== turn.text);
  if (!marked.length) return;
  yield el("ul", {}, ...marked.map((turn) => el("li", {},
    el("b", { dir: "auto" }, turn.speaker), ` in turn ${turn.turn} `,
    ...turn.labels.map((label) => el("span", { class: "badge warn", dir: "auto" }, label)),
    folded(turn.text), turn.corrected === turn.text ? null : folded(`→ ${turn.corrected}`, { class: "words" }))));
}

function evaluation(run) {
  return el("div", {},
    el("p", {}, el("a", { href: run.page, dir: "auto" }, run.set), ` evaluated ${run.at} with `, el("bdi", {}, `${run.version} ${run.model}`)),
    el("ul", {}, ...run.misses.map((miss) => el("li", {}, `turn ${miss.turn}, ${miss.what}: `,
      folded(`wanted ${miss.wanted}`, {}, "span"), " ", folded(`came ${miss.came}`, {}, "span")))));
}
