// Questions to the operator, short news, and what stands where something is missing.

import { el } from "./elements.js";

const NEWS_FOR_MS = 6000;

/**
 * Ask in a dialog. Actions: `{ label, value, kind: "primary" | "danger" }`; resolves to the value of the one that was
 * chosen, null if none was. A form control in the body with `name` makes it `{ value, fields }`.
 */
export function ask({ title, body, actions }) {
  return new Promise((resolve) => {
    const id = `dialog-${Math.random().toString(36).slice(2)}`;
    const buttons = actions.map(({ label, kind }, index) => el("button", { value: String(index), class: kind }, label));
    // no submit button: the Enter key in a field is the first action's
    const cancel = el("button", { type: "button", onclick: () => dialog.close("") }, "Cancel");
    const form = el("form", { method: "dialog" }, el("h2", { id }, title), body, el("div", { class: "row end" }, cancel, buttons));
    const dialog = el("dialog", { "aria-labelledby": id }, form);
    dialog.addEventListener("close", () => {
      const chosen = dialog.returnValue === "" ? null : actions[Number(dialog.returnValue)].value;
      const fields = Object.fromEntries(new FormData(form));
      dialog.remove();
      resolve(chosen !== null && Object.keys(fields).length ? { value: chosen, fields } : chosen);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Whether the operator wants that; `label` is the verb on the button, which is red for what cannot be undone. */
export async function confirm(title, text, label, kind = "danger") {
  return (await ask({ title, body: el("p", {}, text), actions: [{ label, value: true, kind }] })) === true;
}

/** Short news at the edge of the window, read out by screen readers; an error stays until it is closed. */
export function toast(text, kind = "") {
  const close = el("button", { type: "button", "aria-label": "Close this message", onclick: () => node.remove() }, "×");
  const node = el("div", { class: `toast ${kind}` }, el("span", {}, text), close);
  document.querySelector(kind === "error" ? "#errors" : "#news")?.append(node);
  if (kind !== "error") setTimeout(() => node.remove(), NEWS_FOR_MS);
}

/** What stands where there is nothing yet; say what to do: words, commands and links that go on from the text. */
export function emptyState(text, ...children) {
  return el("div", { class: "empty" }, text, children.length ? " " : null, children);
}

/** What stands where something could not be had, with another try. */
export function errorState(error, retry) {
  const again = retry && el("button", { type: "button", onclick: retry }, "Try again");
  return el("div", { class: "empty", role: "alert" }, el("p", {}, error.message ?? String(error)), again);
}

export function loading(text = "Loading…") {
  return el("p", { class: "empty", role: "status" }, text);
}
