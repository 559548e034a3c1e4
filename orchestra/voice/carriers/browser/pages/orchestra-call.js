// <orchestra-call line="…" key="…" transcript>: a telephone in a page. Styled by --orchestra-* properties and ::part().

import { Call } from "./call.js";

const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
  :host { display: block; font: inherit; color: inherit; }
  .bar { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 1rem 0; }
  button { font: inherit; padding: .5rem 1rem; border-radius: .5rem; border: 1px solid currentColor; cursor: pointer;
    background: transparent; color: inherit; }
  button.call { background: var(--orchestra-accent, #0a7d33); border-color: transparent; color: #fff; min-width: 7rem; }
  button.call[data-live] { background: var(--orchestra-hang-up, #b3261e); }
  button[aria-pressed="true"] { background: #8884; }
  button:focus-visible, input:focus-visible { outline: 3px solid #4c8dff; outline-offset: 2px; }
  .keys { display: grid; grid-template-columns: repeat(3, 3.5rem); gap: .4rem; margin: .5rem 0; }
  .state { min-height: 1.5em; }
  .level { width: 6rem; height: .5rem; border-radius: .25rem; background: #8883; overflow: hidden; }
  .level i { display: block; height: 100%; width: 0; background: var(--orchestra-accent, #0a7d33); }
  ol { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; max-height: 24rem; overflow-y: auto; }
  li { padding: .4rem .7rem; border-radius: .7rem; max-width: 85%; overflow-wrap: anywhere; background: #8882; }
  li.caller { justify-self: end; background: var(--orchestra-caller, #2f6fed33); }
  li.note { background: none; font-size: .85em; opacity: .8; }
  li.so-far { opacity: .65; }
  li small { display: block; opacity: .7; }
  [hidden] { display: none !important; }
`);

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const STATES = {
  microphone: "Waiting for the microphone…",
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "The connection broke. Reconnecting…",
};
const ENDINGS = {
  caller_hung_up: "You hung up.",
  agent_hung_up: "The call is over.",
  busy: "All lines are in use. Please try again later.",
  failed: "The call failed.",
};

// by the name of the browser's error
const NO_MICROPHONE = "No microphone: allow it for this page, or plug one in.";
const FAILURES = {
  NotAllowedError: NO_MICROPHONE,
  NotFoundError: NO_MICROPHONE,
  TypeError: "The service cannot be reached.",
};

function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export class OrchestraCall extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [STYLE];
    this.button = made("button", { className: "call", textContent: "Call", part: "call" });
    this.mute = made("button", { textContent: "Mute", part: "mute", disabled: true });
    this.mute.setAttribute("aria-pressed", "false");
    this.pad = made("button", { textContent: "Keypad", part: "keypad", disabled: true });
    this.pad.setAttribute("aria-expanded", "false");
    this.volume = made("input", { type: "range", min: 0, max: 1.5, step: 0.05, value: 1, title: "Volume" });
    this.volume.setAttribute("aria-label", "Volume");
    this.meter = made("i");
    this.level = made("div", { className: "level", hidden: true, title: "The agent's voice" }, this.meter);
    this.state = made("div", { className: "state", part: "state", textContent: "Not connected" });
    this.state.setAttribute("role", "status");
    const pressed = (digit) => made("button", { textContent: digit, onclick: () => this.call?.press(digit) });
    this.keys = made("div", { className: "keys", part: "keys", hidden: true }, ...KEYS.map(pressed));
    this.keys.setAttribute("role", "group");
    this.keys.setAttribute("aria-label", "Keypad");
    this.list = made("ol", { part: "transcript", hidden: !this.hasAttribute("transcript") });
    // what is said is read out once it is whole
    this.log = made("div", { className: "log", hidden: this.list.hidden }, this.list);
    this.log.setAttribute("role", "log");
    this.log.setAttribute("aria-label", "What was said");
    const bar = made("div", { className: "bar" }, this.button, this.mute, this.pad, this.volume, this.level);
    root.append(bar, this.keys, this.state, this.log);
    this.button.onclick = () => (this.call ? this.call.hangUp() : this.begin());
    this.mute.onclick = () => this.setMuted(!this.call.muted);
    this.pad.onclick = () => {
      this.keys.hidden = !this.keys.hidden;
      this.pad.setAttribute("aria-expanded", String(!this.keys.hidden));
    };
    this.volume.oninput = () => this.call && (this.call.volume = Number(this.volume.value));
    this.leave = () => this.call?.hangUp();
    addEventListener("pagehide", this.leave);
  }

  disconnectedCallback() {
    removeEventListener("pagehide", this.leave);
    this.call?.hangUp();
  }

  async begin() {
    const server = this.getAttribute("server") || new URL(import.meta.url).origin;
    const rate = this.getAttribute("rate") === "8000" ? 8000 : 16000;
    const call = new Call({ server, rate, line: this.getAttribute("line") || "", key: this.getAttribute("key") || "" });
    this.call = call;
    call.volume = Number(this.volume.value);
    this.lines = new Map();
    this.list.replaceChildren();
    this.setLive(true);
    call.addEventListener("state", ({ detail }) => this.onState(call, detail));
    call.addEventListener("caption", ({ detail }) => this.onCaption(detail));
    call.addEventListener("note", ({ detail }) => this.note(detail.text));
    call.addEventListener("level", ({ detail }) => this.onLevel(detail.loudness));
    try {
      await call.start();
    } catch (error) {
      call.end("failed", FAILURES[error.name] || error.message);
    }
  }

  setLive(live) {
    this.button.textContent = live ? "Hang up" : "Call";
    this.button.toggleAttribute("data-live", live);
    this.mute.disabled = this.pad.disabled = !live;
    this.level.hidden = !live;
    if (!live) {
      this.keys.hidden = true;
      this.pad.setAttribute("aria-expanded", "false");
    }
  }

  setMuted(muted) {
    this.call.muted = muted;
    this.mute.setAttribute("aria-pressed", String(muted));
    this.mute.textContent = muted ? "Unmute" : "Mute";
  }

  onState(call, { state, reason, error, call: id }) {
    if (call !== this.call) return;
    if (id) this.dataset.call = id;
    this.dataset.state = state;
    this.state.textContent = state === "ended" ? `${ENDINGS[reason]} ${error || ""}`.trim() : STATES[state];
    if (state !== "ended") return;
    this.setMuted(false);
    this.call = undefined;
    this.setLive(false);
  }

  onLevel(loudness) {
    this.meter.style.width = `${Math.round(Math.min(1, loudness * 1.5) * 100)}%`;
  }

  onCaption(caption) {
    const { of: what, turn } = caption;
    if (what === "wait") this.note(`Reply after ${caption.ms} ms`, `wait ${turn}`);
    else if (what === "tool") this.note(`${caption.tool}: ${caption.state}`, `tool ${turn} ${caption.tool}`);
    else if (what === "speaker") this.note(`${caption.agent} has the call`);
    else if (what === "caller") this.said("caller", turn, caption.text, "You", caption.so_far);
    else if (caption.sentence) {
      const before = this.lines.get(`agent ${turn}`)?.words || "";
      this.said("agent", turn, `${before} ${caption.sentence}`.trim(), "Agent", true);
    } else this.said("agent", turn, caption.text + (caption.interrupted ? " —" : ""), caption.agent || "Agent", false);
  }

  said(who, turn, words, name, soFar = false) {
    if (!words) return;
    const key = `${who} ${turn}`;
    const line = this.lines.get(key) || this.add(key, who);
    line.words = words;
    line.classList.toggle("so-far", Boolean(soFar));
    line.setAttribute("aria-busy", String(Boolean(soFar)));
    line.replaceChildren(made("small", { textContent: name }), words);
    this.list.scrollTop = this.list.scrollHeight;
  }

  note(text, key = `note ${this.list.childElementCount}`) {
    const line = this.lines.get(key) || this.add(key, "note");
    line.textContent = text;
    this.list.scrollTop = this.list.scrollHeight;
  }

  add(key, className) {
    const line = made("li", { className });
    this.lines.set(key, line);
    this.list.append(line);
    return line;
  }
}

customElements.define("orchestra-call", OrchestraCall);
