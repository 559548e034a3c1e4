// Texts of callers, models and tools: of any length, in any script, and never anything but text.

import { count, el, toast } from "../shell.js";

const FOLDED = 1200;

// a text that is cut where it is very long, with a button that shows the rest
export function folded(text, props = {}, tag = "p") {
  const element = el(tag, { dir: "auto", ...props });
  if (text.length <= FOLDED) {
    element.append(text);
    return element;
  }
  const button = el("button", { class: "unfold", type: "button", "aria-expanded": "false" });
  const name = (shown) => (shown ? "Show less" : `Show all ${count(text.length)} characters`);
  const words = document.createTextNode(`${text.slice(0, FOLDED)}…`);
  button.append(name(false));
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    const shown = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", String(shown));
    button.textContent = name(shown);
    words.data = shown ? text : `${text.slice(0, FOLDED)}…`;
  });
  element.append(words, " ", button);
  return element;
}

// JSON for people, or the text itself if it is none
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text); // browsers give the clipboard to pages with https, and of this machine, only
  }
  toast(`Copied ${what}.`);
}

function copyBySelection(text) {
  const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function copyButton(text, what, label = "Copy") {
  const content = () => (typeof text === "function" ? text() : text);
  const onclick = async () => copy(await content(), what);
  return el("button", { type: "button", class: "copy", "aria-label": `Copy ${what}`, onclick }, label);
}

// brings a list's elements up to date; those whose item has not changed stay as they are, unfolded or not
export function keyed(list, items, keyOf, make) {
  const known = list.keyed ?? new Map();
  const now = new Map();
  for (const item of items) {
    const key = keyOf(item), content = JSON.stringify(item), before = known.get(key);
    now.set(key, before?.content === content ? before : { content, element: make(item, before?.element) });
  }
  let place = list.firstChild;
  for (const { element } of now.values()) {
    if (element === place) place = place.nextSibling;
    else list.insertBefore(element, place);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
  list.keyed = now;
}
