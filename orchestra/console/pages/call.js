// A call's page: who and when, the recording with its transcript, where the time of each turn went, the raw events.

import { api, el, emptyState, errorState, loading, openPage } from "./shell.js";
import { actions, facts } from "./call/facts.js";
import { assessmentsPanel } from "./call/assessments.js";
import { Player } from "./call/player.js";
import { eventsPanel } from "./call/raw-events.js";
import { Transcript } from "./call/transcript.js";
import { Waterfall } from "./call/waterfall.js";

const FOLLOW_MS = 1000;
const RETRY_MS = 5000;
// of answers while the console, or Redis, does not answer
const AWAY = new Set([0, 503]);
const call = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const base = `/api/calls/${encodeURIComponent(call)}`;

class CallPage {
  constructor(main, operator) {
    this.main = main;
    this.operator = operator;
    this.notes = el("div", { role: "status" });
    this.head = el("div");
    this.steering = el("div");
    this.player = new Player(base, (at) => this.transcript.light(at));
    this.transcript = new Transcript({
      playFrom: (at) => this.player.playFrom(at),
      toggle: () => this.player.toggle(),
      openEvent: (number) => this.events.show(number),
      openTurn: (number) => this.waterfall.open(number),
    });
    this.waterfall = new Waterfall(base, {
      playFrom: (at) => this.player.playFrom(at),
      openEvent: (number) => this.events.show(number),
    });
    this.events = eventsPanel(base);
    this.assessments = assessmentsPanel(base);
  }

  show(view) {
    if (!this.view) {
      const both = el("div", { class: "call-columns" }, this.transcript.element, this.waterfall.element);
      const parts = [this.head, this.notes, this.steering, this.player.element, both];
      this.main.replaceChildren(...parts, this.events.element, this.assessments.element);
      document.title = `Call ${view.record.from_number || view.call} – Orchestra`;
    }
    this.head.replaceChildren(facts(view), actions(view, base));
    this.notes.replaceChildren(...notes(view));
    this.transcript.update(view);
    this.waterfall.update(view);
    this.events.update(view.events);
    const playable = !this.view || (this.view.record.recording !== view.record.recording) || this.view.running;
    this.view = view;
    if (playable) this.player.load(view);
    this.steer(view);
  }

  // the panel by which somebody steps in, while the call runs
  async steer(view) {
    if (view.running && !this.panel) {
      this.panel = { close() {} };
      try {
        const { mountPanel } = await import("./steering.js");
        if (this.view.running) this.panel = mountPanel(this.steering, call, this.operator);
      } catch (error) {
        this.steering.replaceChildren(note(`Nobody can step in from this page: ${error.message}`));
      }
    } else if (!view.running && this.panel) {
      this.panel.close();
      this.panel = undefined;
      this.steering.replaceChildren();
    }
  }

  // to the place that the address names: ?at=12.5 (seconds), #turn-3, #event-17
  goTo(address) {
    const at = Number(address.searchParams.get("at") ?? "");
    if (at > 0) {
      this.player.seek(at);
      this.transcript.light(at);
    }
    const [, what, number] = address.hash.match(/^#(turn|event)-([0-9]+)$/) ?? [];
    if (what === "turn") this.waterfall.open(Number(number));
    if (what === "event") this.events.show(Number(number));
  }

  async follow() {
    for (;;) {
      await new Promise((done) => setTimeout(done, this.view.problems.length ? RETRY_MS : FOLLOW_MS));
      if (!this.view.running && !this.view.problems.length) return;
      if (document.hidden) continue;
      try {
        const view = await api(base, { query: { seen: this.view.events } });
        if (view.lines) this.show(view);
        else if (this.away) this.notes.replaceChildren(...notes(this.view));
        this.away = false;
      } catch (error) {
        this.away = true;
        this.notes.replaceChildren(note(`This page does not follow the call at the moment: ${error.message}`));
      }
    }
  }
}

const note = (text) => el("p", { class: "panel call-note" }, text);

function* notes(view) {
  yield* view.problems.map(note);
  if (!view.events) {
    yield note(
      "The conversation is gone with the journal: only the record of the call is left. An archive would keep it " +
        "(orchestra worker archive).",
    );
  }
}

async function open() {
  let asked = api(base);
  asked.catch(() => {}); // told below, once there is a page
  const { main, operator } = await openPage({ title: "Call", section: "calls", heading: false });
  main.append(loading("Reading the call…"));
  for (;;) {
    try {
      const view = await asked;
      const page = new CallPage(main, operator);
      page.show(view);
      page.goTo(new URL(location.href));
      return page.follow();
    } catch (error) {
      if (error.status === 404) return main.replaceChildren(unknown(error));
      if (error.status === 410) return main.replaceChildren(forgotten(error));
      main.replaceChildren(errorState(error, () => location.reload()));
      if (!AWAY.has(error.status)) return undefined;
    }
    await new Promise((done) => setTimeout(done, RETRY_MS));
    asked = api(base);
  }
}

function unknown(error) {
  return el(
    "div",
    {},
    el("h1", {}, "No such call"),
    emptyState(
      error.message,
      el("p", {}, "The address has to end with the whole id of a call, as the list of calls shows it, or ",
        el("code", {}, "orchestra calls list"), "."),
      el("p", {}, "A journal is kept for a day, records for a week, and an archive for good, unless set otherwise."),
      el("p", {}, el("a", { href: "/calls" }, "Find the call in the list")),
    ),
  );
}

function forgotten(error) {
  return el(
    "div",
    {},
    el("h1", {}, "Forgotten"),
    emptyState(
      `${error.message}.`,
      el("p", {}, "Somebody has run ", el("code", {}, "orchestra forget"), ". What was where is in its receipt."),
      el("p", {}, el("a", { href: "/calls" }, "Back to the list of calls")),
    ),
  );
}

open();
