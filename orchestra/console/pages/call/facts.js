// The head of a call's page: who, when, with which versions, what it cost; and what can be done with the call.

import { ask, count, dateTime, duration, el, languageName, milliseconds, money, none, timeElement } from "../shell.js";
import { copy, copyButton } from "./text.js";

const OUTCOMES = {
  caller_hung_up: ["the caller hung up", "good"],
  agent_hung_up: ["the agent hung up", "good"],
  transferred: ["transferred", "good"],
  silence: ["ended for silence", "warn"],
  time_limit: ["ended at the time limit", "warn"],
  failed: ["failed", "bad"],
  busy: ["busy", "warn"],
  no_answer: ["no answer", "warn"],
};

/** Why nothing, or not all, of the call was recorded. */
const RECORDING = {
  told: "the caller was not told to the end",
  asked: "the caller has not answered",
  refused: "refused by the caller",
  off: "turned off",
};

const FILES = {
  json: "turns, JSON",
  csv: "turns, CSV",
  txt: "transcript",
  vtt: "captions",
  jsonl: "journal",
};

export function facts(view) {
  const { record } = view;
  const outbound = record.direction === "outbound";
  const other = (outbound ? record.to_number : record.from_number) || "a hidden number";
  const ended = OUTCOMES[record.end_reason] ?? ["its end is missing", "bad"];
  const [outcome, mood] = view.running ? ["running", "busy"] : ended;
  const list = el("dl", { class: "facts" });
  for (const [name, value] of entries(view, outbound)) {
    if (value) list.append(el("div", {}, el("dt", { dir: "auto" }, name), el("dd", { dir: "auto" }, value)));
  }
  return el("div", { class: "call-head" },
    el("h1", {}, outbound ? "Call to " : "Call from ", el("bdi", {}, other)),
    el("p", { class: "row" }, el("span", { class: `badge ${mood}` }, outcome), el("code", { class: "quiet" }, view.call),
      copyButton(view.call, "the call's id", "Copy id")),
    list);
}

function* entries(view, outbound) {
  const { record } = view, { cost } = record;
  const tokens = `${count(record.prompt_tokens)} + ${count(record.completion_tokens)} in ${count(record.prompts)} prompts`;
  const wait = `mean ${milliseconds(record.mean_ms)}, longest ${milliseconds(record.slowest_ms)}`;
  yield ["began", record.started_at ? timeElement(record.started_at, dateTime(record.started_at)) : none];
  yield ["length", record.duration_s ? duration(record.duration_s) : ""];
  yield [outbound ? "from" : "dialled", outbound ? record.from_number : record.to_number];
  yield ["line", record.line];
  yield ["app", record.passed_to ? `${record.app} → ${record.passed_to}` : record.app];
  yield ["agents", view.agents.join(", ")];
  yield [record.languages.length > 1 ? "languages" : "language", record.languages.map(languageName).join(", ")];
  yield ["answered with", view.versions.map(version).join("; ") || record.version];
  yield ["transferred to", record.transferred_to];
  yield ["answered by", record.answered_by];
  yield ["call screening", record.screening];
  yield ["recording", RECORDING[record.recording_mode] ?? ""];
  yield ["turns", `${count(record.turns)}, ${count(record.interruptions)} interrupted`];
  yield ["wait", record.measured ? wait : ""];
  yield ["tools", record.tools ? `${count(record.tools)}, ${count(record.failed_tools)} failed` : ""];
  yield ["tokens", record.prompt_tokens ? tokens : ""];
  yield ["cost", cost ? price(cost) : ""];
  yield ["edge", record.edge];
  yield ["carrier's id", record.provider_call];
  for (const [name, value] of Object.entries(view.variables)) yield [name, value];
}

function version(each, index) {
  const parameters = Object.entries(each.parameters).map(([name, value]) => `${name}=${value}`).join(", ");
  const what = [each.version, each.model, parameters && `(${parameters})`].filter(Boolean).join(" ");
  return index ? `from turn ${each.from_turn} on ${what}` : what;
}

function price(cost) {
  const parts = [["models", "models"], ["stt", "stt"], ["tts", "tts"], ["call", "line"]].filter(([field]) => cost[field]);
  const shares = parts.map(([field, name]) => `${name} ${money(cost[field], cost.currency)}`).join(", ");
  const without = cost.unpriced.length ? `; without a price: ${cost.unpriced.join(", ")}` : "";
  return `${money(cost.total, cost.currency)}${shares ? ` (${shares})` : ""}${without}`;
}

export function actions(view, base) {
  const link = (href, text, props = {}) => el("a", { href, class: "button", ...props }, text);
  const files = Object.entries(FILES).map(([ending, name]) => link(`${base}/export.${ending}`, name, { download: "" }));
  const recording = `${base}/recording.wav?download=true`;
  if (view.record.recording) files.push(link(recording, "recording, WAV", { download: "" }));
  const elsewhere = { target: "_blank", rel: "noopener noreferrer" };
  return el("div", { class: "toolbar row" },
    link(`/results?call=${encodeURIComponent(view.call)}`, "Compare with …"),
    el("button", { type: "button", onclick: () => replay(view) }, "Replay into …"),
    view.label_url ? link(view.label_url, "Open in Label Studio", elsewhere) : null,
    el("details", { class: "menu" }, el("summary", {}, "Export"), el("div", { class: "row" }, ...files)),
    el("button", { type: "button", onclick: () => copy(location.href, "the address of this page") }, "Copy link"));
}

// a replay runs an app and its tools, so it is started where its code is, by somebody who sees what it does
async function replay({ call }) {
  const commands = [
    ["See the conversation again, as it went", `orchestra replay ${call}`],
    ["Give its events to a consumer, and see what comes out differently", `orchestra replay ${call} --into orchestration`],
    ["Copy it into another Redis", `orchestra replay ${call} --into redis://127.0.0.1:6379`],
    ["Have your app answer the same caller, and compare", `orchestra compare ${call} --html comparison.html`],
  ];
  const body = el("dl", {}, ...commands.flatMap(([what, command]) => [
    el("dt", {}, what), el("dd", { class: "row" }, el("code", {}, command), copyButton(command, "the command")),
  ]));
  await ask({ title: "Replay this call", body, actions: [{ label: "Close", value: "close" }] });
}
