// What was done for a turn: prompts as sent and answered, tools, knowledge, rules, cost.

import { count, duration, el, milliseconds, money } from "../shell.js";
import { copyButton, folded, pretty } from "./text.js";

const READY = {
  speech: "the speech of its first sentence was ready",
  sentence: "its first sentence was ready",
  prompt: "the model was answering",
  nothing: "nothing of the reply was ready",
};

// act: playFrom(second), openEvent(number)
export function turnDetail(turn, detail, act) {
  const steps = [...detail.prompts, ...detail.tools].sort((one, other) => one.event - other.event);
  const events = `Its ${count(detail.events.length)} events`;
  return el(
    "div",
    {},
    el(
      "p",
      { class: "row" },
      el("button", { type: "button", onclick: () => act.playFrom(turn.at_s) }, `Play from ${duration(turn.at_s)}`),
      el("button", { type: "button", onclick: () => act.openEvent(detail.events[0]) }, events),
    ),
    prepared(turn),
    used(detail),
    turn.said ? [el("h3", {}, "The caller"), folded(turn.said, { class: "words" })] : null,
    steps.map((step) => (step.messages ? promptPart(step, act) : toolPart(step, act))),
    detail.rules.length ? [el("h3", {}, "Rules that stepped in"), list(detail.rules)] : null,
  );
}

const list = (texts) => el("ul", {}, texts.map((text) => el("li", { dir: "auto" }, text)));
const code = (text) => folded(text, { class: "text" }, "pre");
const json = (value) => code(JSON.stringify(value, null, 2));
const unfolds = (summary, ...content) => el("details", {}, el("summary", {}, summary), content);
const badge = (text, mood = "") => el("span", { class: `badge ${mood}`, dir: "auto" }, text);

function eventLink(number, act) {
  const label = `Show event ${number}`;
  const props = { type: "button", class: "link", "aria-label": label, title: label };
  return el("button", { ...props, onclick: () => act.openEvent(number) }, `#${number}`);
}

function prepared({ measured: [first] = [] }) {
  if (!first?.ready) return null;
  const predicted = first.predicted_ms ? `Predicted ${milliseconds(first.predicted_ms)} before its end. ` : "";
  const wasted = first.wasted_predictions ? ` Wrong predictions before: ${count(first.wasted_predictions)}.` : "";
  return el("p", { class: "quiet" }, `${predicted}When the turn ended, ${READY[first.ready] ?? first.ready}.${wasted}`);
}

function used({ usage, cost, currency }) {
  if (!usage) return null;
  const { models, stt_s: heard, tts_characters: spoken } = usage;
  const parts = [
    ...Object.entries(models).map(([name, { prompt = 0, completion = 0 }]) => `${name} ${tokens(prompt, completion)}`),
    ...Object.entries(heard).map(([name, seconds]) => `stt ${name} ${seconds} s`),
    ...Object.entries(spoken).map(([name, characters]) => `tts ${name} ${count(characters)} characters`),
  ];
  if (!parts.length) return null;
  const price = cost === null ? "" : ` – ${money(cost, currency)} without the line`;
  return el("p", { class: "quiet" }, `Used: ${parts.join(", ")}${price}`);
}

const tokens = (prompt, completion) => `${count(prompt)} + ${count(completion)} tokens`;

function promptPart(prompt, act) {
  const { answer, messages, parameters } = prompt;
  const older = messages.slice(0, prompt.same);
  const about = [`step ${prompt.step}`];
  if (Object.keys(parameters).length) about.push(JSON.stringify(parameters));
  if (answer) {
    const estimated = answer.tokens_estimated ? "about " : "";
    about.push(estimated + tokens(answer.prompt_tokens, answer.completion_tokens));
    about.push(`first token ${milliseconds(answer.first_token_ms)}`, `whole ${milliseconds(answer.duration_ms)}`);
  }
  const model = answer?.model || prompt.model || "the default model";
  return el(
    "section",
    { class: "step" },
    el("h3", {}, "Prompt to ", el("bdi", {}, model), " by ", el("bdi", {}, prompt.agent), " ", eventLink(prompt.event, act)),
    el("p", { class: "quiet" }, about.join(", ")),
    unfolds(
      `As sent: ${count(messages.length)} messages, ${count(prompt.tools.length)} tools`,
      older.length ? unfolds(`${count(older.length)} messages as in the prompt before`, messageList(older)) : null,
      messageList(messages.slice(prompt.same)),
      prompt.tools.length ? unfolds(`${count(prompt.tools.length)} tools offered`, toolList(prompt.tools)) : null,
      Object.keys(prompt.call_state).length ? unfolds("State of the call", json(prompt.call_state)) : null,
      copyButton(JSON.stringify(messages, null, 2), "the messages", "Copy messages"),
    ),
    answer ? answerPart(answer, act) : el("p", {}, badge("not answered, or the answer is missing", "warn")),
  );
}

function messageList(messages) {
  const items = messages.map(({ role, name, content, tool_calls: calls = [] }) =>
    el(
      "li",
      {},
      el("b", { class: "role", dir: "auto" }, role, name ? ` ${name}` : null),
      content ? code(content) : null,
      calls.map((call) => code(`${call.name}(${call.arguments})`)),
    ),
  );
  return el("ol", { class: "messages" }, items);
}

function toolList(tools) {
  const items = tools.map(({ name, description, parameters }) =>
    el("li", {}, el("b", { dir: "auto" }, name), " ", el("bdi", {}, description), code(JSON.stringify(parameters))),
  );
  return el("ul", {}, items);
}

function answerPart(answer, act) {
  return el(
    "div",
    { class: "answer" },
    el(
      "p",
      {},
      el("b", {}, "Answered "),
      eventLink(answer.event, act),
      ` ${answer.finish_reason} `,
      answer.error ? badge(answer.error, "bad") : null,
      answer.rules.map((rule) => badge(`rule ${rule}`, "warn")),
    ),
    answer.text ? folded(answer.text, { class: "words" }) : null,
    answer.tool_calls.map((call) => code(`${call.name}(${call.arguments})`)),
  );
}

function toolPart(tool, act) {
  const missing = tool.result === null;
  return el(
    "section",
    { class: "step" },
    el(
      "h3",
      {},
      "Tool ",
      el("bdi", {}, tool.name),
      " ",
      eventLink(tool.event, act),
      tool.failed ? badge("failed", "bad") : null,
      tool.predicted ? badge("on a predicted turn") : null,
    ),
    el("p", { class: "quiet" }, missing ? "no result in the journal" : `took ${milliseconds(tool.duration_ms)}`),
    el("h4", {}, "Arguments"),
    code(pretty(tool.arguments)),
    tool.passages.length ? knowledge(tool.passages) : missing ? null : [el("h4", {}, "Result"), code(pretty(tool.result))],
    Object.keys(tool.noted).length ? [el("h4", {}, "Noted"), json(tool.noted)] : null,
  );
}

function knowledge(passages) {
  const items = passages.map(({ title, text }) => [el("dt", { dir: "auto" }, title), el("dd", {}, folded(text))]);
  return [el("h4", {}, "Passages of the knowledge"), el("dl", { class: "passages" }, items)];
}
