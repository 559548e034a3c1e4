// Listening to a running call: its audio from the console's WebSocket to the loudspeaker. Knows nothing of pages.

const HEADER_BYTES = 8;
const RETRY_MS = 1000;
const FINAL_CODES = new Set([1000, 4401, 4403, 4404, 4409]);
export const SIDES = ["caller", "agent"];
// where each side is heard, from -1 (left) to 1: apart, so that one can tell them
const PLACES = [-0.4, 0.4];

export class Listening extends EventTarget {
  constructor(call) {
    super();
    this.call = call;
    this.over = false;
    this.volumes = [1, 1];
    this.muted = new Set();
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  start() {
    this.connect();
    return this;
  }

  connect() {
    const address = new URL(`/api/calls/${encodeURIComponent(this.call)}/listen`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = (this.socket = new WebSocket(address));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.told(JSON.parse(data)) : this.hear(data));
    socket.onclose = ({ code, reason }) => this.closed(code, reason);
  }

  closed(code, reason) {
    if (this.over) return;
    if (FINAL_CODES.has(code)) return this.end(reason);
    this.tell("state", { state: "reconnecting" });
    this.retry = setTimeout(() => this.connect(), RETRY_MS);
  }

  told(message) {
    if (message.type === "listening") this.tell("state", { state: "waiting" });
    else if (message.type === "dropped") this.tell("dropped", message);
    else if (message.type === "ended") this.end("the call is over");
  }

  // a frame: side, zero, rate (16 bits), place on the call's clock in ms (32 bits), then 16-bit samples; little-endian
  hear(frame) {
    const header = new DataView(frame, 0, HEADER_BYTES);
    const [side, rate, offsetMs] = [header.getUint8(0), header.getUint16(2, true), header.getUint32(4, true)];
    const samples = new Int16Array(frame.slice(HEADER_BYTES));
    this.player ??= this.makePlayer(rate);
    this.player.then(
      (player) => player.port.postMessage({ side, rate, offsetMs, samples }, [samples.buffer]),
      (error) => this.end(`this browser cannot play it: ${error.message}`),
    );
  }

  // the context has the call's rate, so the browser's own filters bring it to that of the loudspeaker
  async makePlayer(rate) {
    const context = (this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" }));
    await context.audioWorklet.addModule(new URL("player-worklet.js", import.meta.url).href);
    const player = new AudioWorkletNode(context, "call-player", { numberOfInputs: 0, numberOfOutputs: SIDES.length, outputChannelCount: [1, 1] });
    this.gains = SIDES.map((_, side) => {
      const gain = new GainNode(context);
      player.connect(gain, side).connect(new StereoPannerNode(context, { pan: PLACES[side] })).connect(context.destination);
      return gain;
    });
    this.setGains();
    player.port.onmessage = ({ data }) => this.tell("levels", { ...data, latencyMs: (context.outputLatency || 0) * 1000 });
    await context.resume();
    this.tell("state", { state: "listening" });
    return player;
  }

  // side: 0 the caller, 1 the call's voice; gain from 0 on
  volume(side, gain) {
    this.volumes[side] = gain;
    this.setGains();
  }

  // silences a side without changing its volume
  mute(side, muted) {
    if (muted) this.muted.add(side);
    else this.muted.delete(side);
    this.setGains();
  }

  setGains() {
    this.gains?.forEach((gain, side) => (gain.gain.value = this.muted.has(side) ? 0 : this.volumes[side]));
  }

  stop() {
    this.end("");
  }

  end(reason) {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.retry);
    this.socket.close(1000);
    this.player?.then((player) => player.port.postMessage({ stop: true })).catch(() => {});
    this.context?.close().catch(() => {});
    this.tell("state", { state: "ended", reason });
  }
}
