// What was done for a turn: prompts as sent and answered, tools, knowledge, rules, cost.

import { count, duration, el, milliseconds, money } from "../shell.js";
import { copyButton, folded, pretty } from "./text.js";

// act: playFrom(second), openEvent(number)
export function turnDetail(turn, detail, act) {
  const parts = [prepared(turn), used(detail)];
  if (turn.said) parts.push(el("h3", {}, "The caller"), folded(turn.said, { class: "words" }));
  const steps = [...detail.prompts, ...detail.tools].sort((one, other) => one.event - other.event);
  for (const step of steps) parts.push(step.messages ? promptPart(step, act) : toolPart(step, act));
  if (detail.rules.length) {
    parts.push(el("h3", {}, "Rules that stepped in"), el("ul", {}, ...detail.rules.map((rule) => el("li", { dir: "auto" }, rule))));
  }
  const first = detail.events[0];
  const toolbar = el("p", { class: "row" },
    el("button", { type: "button", onclick: () => act.playFrom(turn.at_s) }, `Play from ${duration(turn.at_s)}`),
    el("button", { type: "button", onclick: () => act.openEvent(first) }, `Its ${count(detail.events.length)} events`));
  return el("div", {}, toolbar, ...parts.filter(Boolean));
}

const READY = {
  speech: "the speech of its first sentence was ready", sentence: "its first sentence was ready",
  prompt: "the model was answering", nothing: "nothing of the reply was ready",
};

function prepared({ measured: [first] = [] }) {
  if (!first?.ready) return null;
  const predicted = first.predicted_ms ? `Predicted ${milliseconds(first.predicted_ms)} before its end. ` : "";
  const wasted = first.wasted_predictions ? ` Wrong predictions before: ${count(first.wasted_predictions)}.` : "";
  return el("p", { class: "quiet" }, `${predicted}When the turn ended, ${READY[first.ready]}.${wasted}`);
}

function used({ usage, cost, currency }) {
  if (!usage) return null;
  const parts = Object.entries(usage.models).map(
    ([name, { prompt = 0, completion = 0 }]) => `${name} ${count(prompt)} + ${count(completion)} tokens`,
  );
  for (const [name, seconds] of Object.entries(usage.stt_s)) parts.push(`stt ${name} ${seconds} s`);
  for (const [name, characters] of Object.entries(usage.tts_characters)) parts.push(`tts ${name} ${count(characters)} characters`);
  if (!parts.length) return null;
  const price = cost === null ? "" : ` – ${money(cost, currency)} without the line`;
  return el("p", { class: "quiet" }, `Used: ${parts.join(", ")}${price}`);
}

function event(number, act) {
  const label = `Show event ${number}`;
  return el("button", { type: "button", class: "link", "aria-label": label, title: label, onclick: () => act.openEvent(number) }, `#${number}`);
}

function promptPart(prompt, act) {
  const { answer } = prompt;
  const model = answer?.model || prompt.model || "default model";
  const tokens = answer ? `, ${answer.tokens_estimated ? "about " : ""}${count(answer.prompt_tokens)} + ${count(answer.completion_tokens)} tokens` : "";
  const times = answer ? `, first token ${milliseconds(answer.first_token_ms)}, whole ${milliseconds(answer.duration_ms)}` : "";
  const as = Object.keys(prompt.parameters).length ? `, ${JSON.stringify(prompt.parameters)}` : "";
  const older = prompt.messages.slice(0, prompt.same), newer = prompt.messages.slice(prompt.same);
  return el("section", { class: "step" },
    el("h3", {}, "Prompt to ", el("span", { dir: "auto" }, model), ` by ${prompt.agent} `, event(prompt.event, act)),
    el("p", { class: "quiet" }, `step ${prompt.step}${as}${tokens}${times}`),
    el("details", {}, el("summary", {}, `As sent: ${count(prompt.messages.length)} messages, ${count(prompt.tools.length)} tools`),
      older.length ? el("details", {}, el("summary", {}, `${count(older.length)} messages as in the prompt before`), messages(older)) : null,
      messages(newer), tools(prompt.tools), state(prompt.call_state),
      copyButton(JSON.stringify(prompt.messages, null, 2), "the messages", "Copy messages")),
    answer ? answerPart(answer, act) : el("p", { class: "badge warn" }, "not answered, or the answer is missing"));
}

function messages(list) {
  return el("ol", { class: "messages" }, ...list.map((message) => el("li", {},
    el("b", { class: "role" }, message.role, message.name ? ` ${message.name}` : ""),
    message.content ? folded(message.content, { class: "text" }, "pre") : null,
    ...(message.tool_calls ?? []).map((call) => folded(`${call.name}(${call.arguments})`, { class: "text" }, "pre")))));
}

function tools(list) {
  if (!list.length) return null;
  return el("details", {}, el("summary", {}, `${count(list.length)} tools offered`),
    el("ul", {}, ...list.map((tool) => el("li", {}, el("b", { dir: "auto" }, tool.name), " ", el("span", { dir: "auto" }, tool.description),
      el("pre", { class: "text" }, JSON.stringify(tool.parameters))))));
}

function state(values) {
  if (!Object.keys(values).length) return null;
  return el("details", {}, el("summary", {}, "State of the call"), folded(JSON.stringify(values, null, 2), { class: "text" }, "pre"));
}

function answerPart(answer, act) {
  return el("div", { class: "answer" },
    el("p", {}, el("b", {}, "Answered "), event(answer.event, act), ` ${answer.finish_reason}`,
      answer.error ? el("span", { class: "badge bad", dir: "auto" }, answer.error) : null,
      ...answer.rules.map((rule) => el("span", { class: "badge warn", dir: "auto" }, `rule ${rule}`))),
    answer.text ? folded(answer.text, { class: "words" }) : null,
    ...answer.tool_calls.map((call) => folded(`${call.name}(${call.arguments})`, { class: "text" }, "pre")));
}

function toolPart(tool, act) {
  const result = tool.result;
  return el("section", { class: "step" },
    el("h3", {}, "Tool ", el("span", { dir: "auto" }, tool.name), " ", event(tool.event, act),
      tool.failed ? el("span", { class: "badge bad" }, "failed") : null,
      tool.predicted ? el("span", { class: "badge" }, "on a predicted turn") : null),
    el("p", { class: "quiet" }, result === null ? "no result in the journal" : `took ${milliseconds(tool.duration_ms)}`),
    el("h4", {}, "Arguments"), folded(pretty(tool.arguments), { class: "text" }, "pre"),
    ...(tool.passages.length ? knowledge(tool.passages)
      : result === null ? [] : [el("h4", {}, "Result"), folded(pretty(result), { class: "text" }, "pre")]),
    Object.keys(tool.noted).length
      ? el("div", {}, el("h4", {}, "Noted"), folded(JSON.stringify(tool.noted, null, 2), { class: "text" }, "pre")) : null);
}

function knowledge(passages) {
  return [el("h4", {}, "Passages of the knowledge"), el("dl", { class: "passages" },
    ...passages.flatMap(({ title, text }) => [el("dt", { dir: "auto" }, title), el("dd", {}, folded(text))]))];
}
