// The recording: a player, both waveforms, and why there is none.

import { api, duration, el } from "../shell.js";
import { Waveform } from "./waveform.js";

export class Player {
  // lit(second): what is heard now
  constructor(base, lit) {
    this.base = base;
    this.lit = lit;
    this.audio = el("audio", { controls: true, preload: "metadata", "aria-label": "Recording of the call" });
    const swatches = ["caller", "agent", "interrupted"].map((name) => el("span", { class: `swatch ${name}` }));
    this.waveform = new Waveform((at) => this.seek(at), swatches);
    this.why = el("p", { class: "quiet", role: "status" }, "Looking for the recording…");
    const legend = el("p", { class: "quiet legend" },
      swatches.map((swatch, i) => [swatch, ["caller ", "agent ", "interrupted"][i]]));
    this.sound = el("div", { hidden: true }, this.waveform.canvas, legend, this.audio);
    this.element = el("section", { class: "panel player", "aria-label": "Recording" }, this.why, this.sound);
    for (const name of ["timeupdate", "seeked"]) this.audio.addEventListener(name, () => this.moved());
    this.audio.addEventListener("play", () => this.run());
    this.audio.addEventListener("error", () => this.say("The recording cannot be played any more: reload the page."));
  }

  async load(view) {
    try {
      const found = await api(`${this.base}/recording`);
      if (found.state !== "ready") return this.say(found.why);
      const marks = view.lines.filter((line) => line.kind === "interrupted");
      this.sound.hidden = false;
      this.element.classList.add("ready");
      this.waveform.show(found.peaks, marks);
      if (!this.ready) this.audio.src = `${this.base}/recording.wav`;
      if (this.wanted) this.seek(this.wanted);
      const missing = found.missing_ms / 1000;
      this.say(missing ? `${duration(missing)} of the recording are silence, because the audio is missing.` : "");
    } catch (error) {
      this.say(`The recording cannot be looked for: ${error.message}`);
    }
  }

  say(text) {
    this.why.textContent = text;
    this.why.hidden = !text;
  }

  get ready() {
    return Boolean(this.audio.src);
  }

  // before there is a recording, it will begin there
  seek(at) {
    this.wanted = at;
    if (this.ready) this.audio.currentTime = at;
  }

  playFrom(at) {
    if (!this.ready) return this.lit(at);
    this.seek(at);
    this.audio.play().catch((error) => this.say(`The recording cannot be played: ${error.message}`));
  }

  toggle() {
    if (!this.ready) return;
    if (this.audio.paused) this.playFrom(this.audio.currentTime);
    else this.audio.pause();
  }

  moved() {
    this.waveform.move(this.audio.currentTime);
    this.lit(this.audio.currentTime);
  }

  // while it plays, the place moves with every frame
  run() {
    if (this.audio.paused) return;
    this.moved();
    requestAnimationFrame(() => this.run());
  }
}
