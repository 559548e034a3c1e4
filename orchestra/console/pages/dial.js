// Placing a call: a question to an admin for whom to call, and the edge's answer.

import { api, ask, el, may, requestId, toast } from "./shell.js";

let fields = 0;

/** A button for those who may place calls; null for everybody else. */
export function dialButton(operator) {
  return may(operator, "admin") ? el("button", { type: "button", class: "primary", onclick: () => dial() }, "Place a call …") : null;
}

async function dial(typed = {}) {
  let possible;
  try {
    possible = await api("/api/dialling");
  } catch (error) {
    return toast(error.message, "error");
  }
  if (possible.problem) return toast(`No call can be placed from here: ${possible.problem}.`, "error");
  const chosen = await ask({ title: "Place a call", body: questions(possible.lines, typed), actions: [{ label: "Call", value: true, kind: "primary" }] });
  if (chosen?.value !== true) return;
  const given = chosen.fields;
  try {
    const variables = variablesOf(given.variables);
    await api("/api/dialling", { body: { request: requestId(), to: given.to.trim(), line: given.line ?? "", zone: given.zone.trim(), variables } });
    toast(`${given.to.trim()} is being called. The call is in the list as soon as somebody answers.`);
  } catch (error) {
    toast(error.message, "error");
    await dial(given); // what was typed is there again
  }
}

function questions(lines, typed) {
  const line = lines.length
    ? question("From", el("select", { name: "line" }, ["", ...lines].map((name) => el("option", { value: name, selected: name === typed.line }, name || "the usual number"))))
    : null;
  return el(
    "div",
    { class: "questions" },
    question("Number, as in +15550100, or SIP address", el("input", { name: "to", type: "tel", required: true, autocomplete: "off", value: typed.to ?? "" })),
    line,
    question("What the agents are told: name=value, one a line", el("textarea", { name: "variables", rows: 3 }, typed.variables ?? "")),
    question("The person's time zone, in place of that of the number", el("input", { name: "zone", autocomplete: "off", placeholder: "Europe/Berlin", value: typed.zone ?? "" })),
  );
}

function question(label, control) {
  control.id = `dial-${++fields}`;
  return el("p", {}, el("label", { for: control.id }, label), control);
}

function variablesOf(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  const pairs = lines.map((line) => {
    const at = line.indexOf("=");
    if (at < 1) throw new Error(`“${line.trim()}” is no variable: write name=value`);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return Object.fromEntries(pairs);
}
