// The journal as it is stored: every event, filtered by type and text, page by page.

import { api, clock, count, el, errorState, none } from "../shell.js";
import { copyButton, pretty } from "./text.js";

const PAGE = 100;
const TYPING_MS = 250;

export function eventsPanel(base) {
  return new Events(base);
}

class Events {
  constructor(base) {
    this.base = base;
    this.asked = 0;
    this.type = el("select", { onchange: () => this.load() });
    this.text = el("input", { type: "search", placeholder: "words, an id, a number", oninput: () => this.typed() });
    this.found = el("span", { role: "status", class: "quiet" });
    this.list = el("ol", { class: "events" });
    this.more = el("button", { type: "button", hidden: true, onclick: () => this.load(this.following) }, "More events");
    const toolbar = el("div", { class: "toolbar row" },
      el("label", {}, "Type ", this.type), el("label", {}, "Contains ", this.text),
      el("button", { type: "button", onclick: () => this.clear() }, "Clear"), this.found);
    this.title = el("span", {}, "Events");
    this.element = el("details", { class: "panel raw", id: "events" },
      el("summary", {}, el("h2", {}, this.title)), toolbar, this.list, this.more);
    this.element.addEventListener("toggle", () => this.element.open && !this.asked && this.load());
  }

  update(total) {
    if (total === this.total) return;
    this.title.textContent = `Events (${count(total)})`;
    this.total = total;
    // of a running call, the last page grows
    if (this.element.open && this.more.hidden && this.last !== undefined) this.load(this.last + 1);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), TYPING_MS);
  }

  clear() {
    this.text.value = "";
    this.type.value = "";
    this.load();
  }

  // the page that begins with an event, after those that are shown unless it is the beginning
  async load(first = 0, fresh = !first) {
    const asked = ++this.asked;
    const query = { first, limit: PAGE, text: this.text.value, types: this.type.value };
    try {
      const page = await api(`${this.base}/events`, { query });
      if (asked !== this.asked) return; // somebody has typed on meanwhile
      this.fill(page, fresh);
    } catch (error) {
      this.list.replaceChildren(el("li", {}, errorState(error, () => this.load(first, fresh))));
    }
  }

  fill(page, fresh) {
    if (fresh) this.list.replaceChildren();
    this.options(page.types);
    this.title.textContent = `Events (${count(page.total)})`;
    this.list.append(...page.events.map((event) => this.row(event)));
    this.last = page.events.at(-1)?.number ?? this.last ?? -1;
    this.following = page.following;
    this.more.hidden = page.following === null;
    this.found.textContent = `${count(page.matching)} of ${count(page.total)} events`;
    if (this.list.childNodes.length) return;
    this.list.append(el("li", { class: "quiet" }, "No event matches: clear the filter to see all."));
  }

  options(types) {
    const chosen = this.type.value;
    const names = Object.keys(types).sort();
    this.type.replaceChildren(el("option", { value: "" }, "all"),
      ...names.map((name) => el("option", { value: name }, `${name} (${types[name]})`)));
    this.type.value = chosen;
  }

  row(event) {
    const whole = async () => (event.whole ? event : await api(`${this.base}/events/${event.number}`)).body;
    const body = el("pre", { class: "text", dir: "auto" }, event.whole ? pretty(event.body) : `${event.body}…`);
    const rest = event.whole ? null : el("button", { type: "button", onclick: async () => {
      body.textContent = pretty(await whole());
      rest.remove();
    } }, `Show all ${count(event.size)} characters`);
    return el("li", { dataset: { number: event.number } },
      el("details", {},
        el("summary", {},
          el("span", { class: "numeric quiet" }, `#${event.number}`), " ",
          el("span", { class: "numeric" }, event.at ? clock(event.at) : none), " ",
          el("b", { dir: "auto" }, event.type), " ",
          el("span", { class: "quiet" }, event.turn ? `turn ${event.turn}` : "", " ", event.source),
          event.problem ? el("span", { class: "badge warn", dir: "auto" }, event.problem) : null),
        el("p", { class: "row" }, copyButton(whole, `event ${event.number}`), copyButton(event.id, "its id", "Copy id"),
          el("span", { class: "quiet" }, `${event.stream_id} · ${event.id}`), rest),
        body));
  }

  // opens the list at one event
  async show(number) {
    this.text.value = "";
    this.type.value = "";
    const loaded = this.load(number, true);
    this.element.open = true;
    await loaded;
    const row = this.list.querySelector(`[data-number="${number}"] details`);
    if (!row) return;
    row.open = true;
    row.scrollIntoView({ block: "center", behavior: "auto" });
    row.querySelector("summary").focus();
  }
}
