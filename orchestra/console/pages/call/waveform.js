// Both sides' waveforms on one canvas: the caller above, the agent below; where somebody was interrupted, and now.

import { duration, el } from "../shell.js";

const HEIGHT = 112;

const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

export class Waveform {
  // seek(second): somebody wants to hear this place; swatches: elements in the colours of caller, agent, interruptions
  constructor(seek, swatches) {
    this.seek = seek;
    this.swatches = swatches;
    this.at = 0;
    this.marks = [];
    this.canvas = el("canvas", { class: "waveform", role: "img" });
    this.canvas.addEventListener("click", (event) => this.seek(this.second(event)));
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show({ duration_s, caller, agent }, marks) {
    this.duration = duration_s;
    this.sides = [bytes(caller), bytes(agent)];
    this.marks = marks;
    const interrupted = marks.length ? `, interrupted at ${marks.map(({ at_s }) => duration(at_s)).join(", ")}` : "";
    const label = `Waveforms of ${duration(duration_s)}: the caller above, the agent below${interrupted}`;
    this.canvas.setAttribute("aria-label", label);
    this.draw();
  }

  second(event) {
    const { left, width } = this.canvas.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1) * (this.duration || 0);
  }

  point(event) {
    const at = this.second(event);
    const near = this.marks.find(({ at_s }) => Math.abs(at_s - at) < this.duration / 150);
    this.canvas.title = near ? `${duration(near.at_s)} ${near.text}` : duration(at);
  }

  move(at) {
    this.at = at;
    this.draw();
  }

  draw() {
    if (!this.sides || this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = undefined;
      this.paint();
    });
  }

  paint() {
    const { canvas } = this, scale = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(HEIGHT * scale);
    if (!width) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const [caller, agent, interrupted] = this.swatches.map((swatch) => getComputedStyle(swatch).backgroundColor);
    context.clearRect(0, 0, width, height);
    const now = this.duration ? (this.at / this.duration) * width : 0;
    this.sides.forEach((peaks, side) => {
      const middle = (height * (2 * side + 1)) / 4;
      context.fillStyle = side ? agent : caller;
      for (let x = 0; x < width; x++) {
        const peak = loudest(peaks, x / width, (x + 1) / width) / 255;
        const tall = Math.max(scale, Math.sqrt(peak) * (height / 2 - 4 * scale)); // soft voices can be seen, too
        context.globalAlpha = x <= now ? 1 : 0.45;
        context.fillRect(x, middle - tall / 2, 1, tall);
      }
    });
    context.globalAlpha = 1;
    context.fillStyle = interrupted;
    for (const { at_s } of this.marks) context.fillRect((at_s / this.duration) * width - scale, 0, 2 * scale, height);
    context.fillStyle = getComputedStyle(canvas).color;
    context.fillRect(now - scale / 2, 0, scale, height);
  }
}

function loudest(peaks, from, to) {
  const first = Math.floor(from * peaks.length), last = Math.max(first + 1, Math.ceil(to * peaks.length));
  let most = 0;
  for (let i = first; i < last && i < peaks.length; i++) most = Math.max(most, peaks[i]);
  return most;
}
