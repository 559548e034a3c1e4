// Stepping into a running call: listen, say, whisper, take over and hand back, transfer, end.

import { api, ask, confirm, el, fill, live, may, milliseconds, requestId, toast } from "./shell.js";
import { Listening, SIDES } from "./steering/listening.js";
import { noMicrophone, Speaking } from "./steering/speaking.js";

const KEYS = [
  ["L", "Listen, or stop listening"],
  ["S", "Write a sentence for the agent to say"],
  ["W", "Write a note for the agent"],
  ["T", "Take the call over"],
  ["M", "Mute your microphone, or unmute it"],
  ["H", "Hand the call back"],
  ["E", "End the call"],
];
const SIDE_NAMES = ["Caller", "Agent"];
const VOICE = SIDES.indexOf("agent");
const TRIES = 3;
const RETRY_MS = 700;
let panels = 0;

/**
 * The panel of a running call, inside `element`. `operator` is as `openPage` gives it. Its audio ends with `close()`, with
 * the call, and when the page goes.
 */
export function mountPanel(element, call, operator) {
  addStyles();
  const panel = new Panel(call, operator);
  element.append(panel.node);
  return panel;
}

// the panel brings its own styles, as it is part of several pages
function addStyles() {
  const href = new URL("steering/steering.css", import.meta.url).href;
  if (![...document.styleSheets].some((sheet) => sheet.href === href)) document.head.append(el("link", { rel: "stylesheet", href }));
}

class Panel {
  constructor(call, operator) {
    this.call = call;
    this.operator = operator;
    this.presence = { state: "unknown", listening: [], speaking: "", agent: "", app: "" };
    this.id = `steering-${++panels}`;
    this.build();
    this.onKey = (event) => this.keyPressed(event);
    document.addEventListener("keydown", this.onKey);
    this.changes = live(this.path("operators"), { message: (presence) => this.changed(presence) });
    this.update();
  }

  path(act) {
    return `/api/calls/${encodeURIComponent(this.call)}/${act}`;
  }

  close() {
    document.removeEventListener("keydown", this.onKey);
    this.changes.close();
    this.listening?.stop();
    this.speaking?.stop();
    this.node.remove();
  }

  // -- what one sees

  build() {
    this.status = el("p", { role: "status", class: "row" });
    this.why = el("p", { class: "quiet", id: `${this.id}-why` });
    const button = (label, act, kind) => el("button", { type: "button", class: kind, onclick: act, "aria-describedby": this.why.id }, label);
    this.buttons = {
      listen: button("Listen", () => this.toggleListening()),
      takeOver: button("Take over", () => this.takeOver()),
      mute: button("Mute", () => this.toggleMute()),
      handBack: button("Hand back …", () => this.handBack(), "primary"),
      transfer: button("Transfer …", () => this.transfer()),
      end: button("End the call …", () => this.end(), "danger"),
    };
    this.say = this.sentence("Say to the caller, in the agent's voice", "Say", "text", "say");
    this.whisper = this.sentence("Tell the agent, for its next turn", "Whisper", "note", "whisper");
    this.sound = this.soundRow();
    this.microphone = this.meter("Your microphone");
    const keys = el("dl", {}, KEYS.map(([key, meaning]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, meaning)]));
    this.node = el(
      "section",
      { class: "panel steering", "aria-labelledby": this.id, dataset: { call: this.call } },
      el("h2", { id: this.id }, "Step in"),
      this.status,
      el("div", { class: "toolbar" }, Object.values(this.buttons)),
      this.why,
      this.microphone.node,
      this.sound.node,
      this.say.form,
      this.whisper.form,
      el("details", {}, el("summary", {}, "Keys"), el("p", { class: "quiet" }, "They work wherever nothing is being typed."), keys),
    );
  }

  sentence(label, verb, field, act) {
    const id = `${this.id}-${act}`;
    const input = el("textarea", { id, rows: 2, maxlength: act === "say" ? 1000 : 4000 });
    const button = el("button", { class: "primary", "aria-describedby": this.why.id }, verb);
    const send = async (event) => {
      event.preventDefault();
      const words = input.value.trim();
      if (!words || button.disabled) return input.focus();
      if (await this.act(act, { [field]: words })) input.value = "";
    };
    input.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && send(event));
    const form = el("form", { onsubmit: send }, el("label", { for: id }, label), input, button);
    return { form, input, button };
  }

  meter(label) {
    const level = el("meter", { min: 0, max: 1, low: 0.02, high: 0.9, value: 0, "aria-label": `Level: ${label}` });
    return { node: el("p", { class: "row", hidden: true }, el("span", {}, label), level), level };
  }

  soundRow() {
    const meters = SIDE_NAMES.map((name) => this.meter(name));
    const volumes = SIDE_NAMES.map((name, side) =>
      el("input", {
        type: "range", min: 0, max: 2, step: 0.05, value: 1, "aria-label": `Volume: ${name}`,
        oninput: ({ target }) => this.listening?.volume(side, Number(target.value)),
      }),
    );
    meters.forEach(({ node }, side) => {
      node.hidden = false;
      node.append(volumes[side]);
    });
    const delay = el("span", { class: "quiet" });
    const node = el("div", { class: "sound", hidden: true }, meters.map((meter) => meter.node), el("p", {}, delay));
    return { node, meters, volumes, delay };
  }

  update() {
    const { presence, buttons } = this;
    const mine = Boolean(this.speaking?.speaks);
    const reasons = this.reasons(mine);
    for (const [name, button] of Object.entries({ ...buttons, say: this.say.button, whisper: this.whisper.button })) {
      button.disabled = Boolean(reasons[name]);
      button.title = reasons[name] || "";
    }
    this.say.input.disabled = Boolean(reasons.say);
    this.whisper.input.disabled = Boolean(reasons.whisper);
    buttons.takeOver.hidden = mine;
    buttons.mute.hidden = buttons.handBack.hidden = !mine;
    buttons.listen.textContent = this.listening ? "Stop listening" : "Listen";
    buttons.listen.setAttribute("aria-pressed", Boolean(this.listening));
    buttons.mute.textContent = this.speaking?.muted ? "Unmute" : "Mute";
    buttons.mute.setAttribute("aria-pressed", Boolean(this.speaking?.muted));
    this.microphone.node.hidden = !mine;
    this.sound.node.hidden = !this.listening;
    this.why.textContent = [...new Set(Object.values(reasons))].filter(Boolean).join(" ");
    fill(this.status, this.who(mine), el("span", {}, this.hearers()));
    // one's own voice comes back with the call's: nobody can speak while hearing themselves half a second later
    this.listening?.mute(VOICE, mine && presence.speaking === this.operator.name);
  }

  who(mine) {
    const { state, speaking, agent } = this.presence;
    if (state === "unknown") return el("span", { class: "badge" }, "Waiting for the call's state");
    if (state === "ended") return el("span", { class: "badge" }, "The call is over");
    if (state === "transferred") return el("span", { class: "badge" }, "Transferred");
    if (mine) return el("span", { class: "badge bad" }, this.speaking.muted ? "You have the call, muted" : "You are speaking with the caller");
    if (speaking) return el("span", { class: "badge warn" }, `${speaking} has taken over`);
    return el("span", { class: "badge good" }, agent ? `The agent ${agent} has the call` : "The agents have the call");
  }

  hearers() {
    const names = this.presence.listening.map((name) => (name === this.operator.name ? "you" : name));
    return names.length ? `Listening: ${names.join(", ")}` : "Nobody listens";
  }

  // why each button cannot be used now; empty where it can
  reasons(mine) {
    const { state, speaking } = this.presence;
    const each = (reason) => Object.fromEntries([...Object.keys(this.buttons), "say", "whisper"].map((name) => [name, reason]));
    if (!may(this.operator, "operate")) return each("Your token may only look: stepping in needs one with the role operate.");
    if (state === "ended") return each("The call is over.");
    if (state === "transferred") return each("The call went to a person.");
    if (state === "unknown") return each("Waiting for the call's state.");
    const other = speaking && speaking !== this.operator.name ? `${speaking} has taken the call over.` : "";
    const elsewhere = speaking === this.operator.name && !mine ? "You have taken the call over on another page." : "";
    const microphone = this.speaking && !mine ? "The microphone is being opened." : "";
    return {
      ...each(""),
      takeOver: other || elsewhere || microphone || noMicrophone(),
      say: other, whisper: other, transfer: other, end: other,
    };
  }

  changed(presence) {
    this.presence = presence;
    if (presence.state === "ended") {
      this.changes.close();
      this.speaking?.stop();
    }
    this.update();
  }

  // -- what one does

  // asks for an act, again if no answer comes; whether it was done
  async act(name, fields) {
    const body = { request: requestId(), ...fields };
    for (let attempt = 1; ; attempt++) {
      try {
        await api(this.path(name), { body });
        return true;
      } catch (error) {
        if (attempt === TRIES || ![0, 502, 503, 504].includes(error.status)) {
          toast(error.message, "error");
          return false;
        }
        await new Promise((done) => setTimeout(done, RETRY_MS * attempt));
      }
    }
  }

  toggleListening() {
    if (this.listening) return this.listening.stop();
    const listening = (this.listening = new Listening(this.call));
    listening.addEventListener("levels", ({ detail }) => this.heard(detail));
    listening.addEventListener("state", ({ detail }) => this.listeningChanged(listening, detail));
    this.sound.volumes.forEach((input, side) => listening.volume(side, Number(input.value)));
    listening.start();
    this.update();
  }

  heard({ levels, waitingMs, latencyMs }) {
    levels.forEach((level, side) => (this.sound.meters[side].level.value = level));
    this.sound.delay.textContent = `${milliseconds(Math.round(waitingMs + latencyMs))} buffered`;
  }

  listeningChanged(listening, { state, reason }) {
    const words = { waiting: "Waiting for the call's audio …", reconnecting: "Connecting again …" };
    if (words[state]) this.sound.delay.textContent = words[state];
    if (state === "ended" && this.listening === listening) {
      this.listening = undefined;
      if (reason) toast(`You no longer listen: ${reason}.`);
    }
    this.update();
  }

  takeOver() {
    if (this.speaking) return;
    if (!this.listening) this.toggleListening();
    const speaking = (this.speaking = new Speaking(this.call));
    speaking.addEventListener("level", ({ detail }) => (this.microphone.level.value = detail.level));
    speaking.addEventListener("state", ({ detail }) => this.speakingChanged(speaking, detail));
    speaking.start();
    this.update();
  }

  speakingChanged(speaking, { state, reason }) {
    if (state === "ended" && this.speaking === speaking) {
      this.speaking = undefined;
      if (reason === "handed back") toast("The agents have the call again.");
      else if (reason) toast(reason, "error");
    }
    this.update();
  }

  toggleMute() {
    if (!this.speaking?.speaks) return;
    this.speaking.muted = !this.speaking.muted;
    this.update();
  }

  async handBack() {
    if (!this.speaking?.speaks) return;
    const note = el("textarea", { name: "note", rows: 3, required: true, maxlength: 4000, autofocus: true });
    const nothing = el("input", { type: "checkbox", onchange: () => (note.required = !nothing.checked) });
    const body = [
      el("label", {}, "What was agreed? The agent reads it before its next turn.", note),
      el("label", { class: "row" }, nothing, "Nothing that the agent has to know"),
    ];
    const answer = await ask({ title: "Hand the call back", body, actions: [{ label: "Hand back", value: true, kind: "primary" }] });
    if (answer) await this.act("hand-back", { note: answer.fields.note });
  }

  async transfer() {
    const targets = await api(this.path("transfer-targets")).catch((error) => toast(error.message, "error"));
    if (!targets) return;
    const others = [["agent", "Agent", targets.agents], ["app", "App", targets.apps]].flatMap(([kind, label, names]) =>
      names.map((name) => el("option", { value: `${kind}:${name}` }, `${label} ${name}`)),
    );
    const to = el("select", { name: "to", onchange: () => (person.hidden = !(target.required = !to.value)) }, el("option", { value: "" }, "A person"), others);
    const list = el("datalist", { id: `${this.id}-people` }, targets.people.map((each) => el("option", { value: each })));
    const target = el("input", { name: "target", required: true, list: list.id, placeholder: "+15550100", autocomplete: "off", autofocus: true });
    const person = el("label", {}, "A number with + and its country's code, or a SIP address", target, list);
    const body = [
      others.length ? el("label", {}, "To", to) : null,
      person,
      el("label", {}, "For whoever answers (may be empty)", el("textarea", { name: "briefing", rows: 2, maxlength: 4000 })),
    ];
    const answer = await ask({ title: "Transfer the call", body, actions: [{ label: "Transfer", value: true, kind: "primary" }] });
    if (!answer) return;
    const { to: chosen = "", target: number, briefing } = answer.fields;
    const [kind, name] = [chosen.split(":", 1)[0], chosen.slice(chosen.indexOf(":") + 1)];
    await this.act("transfer", { ...(chosen ? { [kind]: name } : { target: number }), briefing });
  }

  async end() {
    const sure = await confirm("End the call?", "The caller is disconnected at once. This cannot be undone.", "End the call");
    if (sure) await this.act("end", {});
  }

  // -- keys

  keyPressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    const { buttons } = this;
    const controls = { l: buttons.listen, t: buttons.takeOver, m: buttons.mute, h: buttons.handBack, e: buttons.end, s: this.say.input, w: this.whisper.input };
    const control = controls[event.key.toLowerCase()];
    if (!control || control.disabled || control.hidden) return;
    event.preventDefault();
    if (control.matches("textarea")) control.focus();
    else control.click();
  }
}
