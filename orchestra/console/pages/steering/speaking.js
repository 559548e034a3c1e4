// Taking a call over: the operator's microphone to the console's WebSocket. Knows nothing of pages.

const RATE = 16000;
// of the microphone's audio, what the network has not taken for this long is dropped, and the console is told how much
const LATEST_MS = 200;
const FRAME_MS = 40;
const SKIPPED_MOST_MS = 60000;

const PROBLEMS = {
  NotFoundError: "No microphone was found: connect one, and try again.",
  NotAllowedError: "The browser does not let this page use the microphone: allow it beside the page's address.",
  NotReadableError: "The microphone cannot be used: another program may have it.",
};

// why this page can have no microphone at all; empty if it can
export function noMicrophone() {
  return navigator.mediaDevices ? "" : "Browsers give a microphone to pages with https, or of this machine, only.";
}

export class Speaking extends EventTarget {
  constructor(call) {
    super();
    this.call = call;
    this.muted = false;
    this.over = false;
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // asks for the microphone first: a call is taken over only by somebody who can speak
  async start() {
    this.tell("state", { state: "microphone" });
    try {
      await this.openMicrophone();
    } catch (error) {
      this.end(PROBLEMS[error.name] || String(error.message || error));
    }
    // stopped while the browser asked for the microphone: it may have been opened since
    if (this.over) return this.release();
    this.connect();
  }

  async openMicrophone() {
    const problem = noMicrophone();
    if (problem) throw new Error(problem);
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    this.context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    const loaded = this.context.audioWorklet.addModule(new URL("microphone-worklet.js", import.meta.url).href);
    loaded.catch(() => {}); // said below, after what is wrong with the microphone
    this.microphone = await navigator.mediaDevices.getUserMedia({ audio });
    await loaded;
    this.frames = new AudioWorkletNode(this.context, "microphone", { numberOfOutputs: 0 });
    this.context.createMediaStreamSource(this.microphone).connect(this.frames);
    this.frames.port.onmessage = ({ data }) => this.send(data);
    await this.context.resume();
  }

  connect() {
    const address = new URL(`/api/calls/${encodeURIComponent(this.call)}/take-over`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = (this.socket = new WebSocket(address));
    this.skipped = 0;
    this.tell("state", { state: "connecting" });
    socket.onmessage = ({ data }) => this.told(JSON.parse(data));
    const lost = () => (this.speaks ? "the connection was lost: the agents have the call back" : "the call could not be taken over: try again");
    socket.onclose = ({ reason }) => this.end(reason || lost());
  }

  told(message) {
    if (message.type !== "taken_over") return;
    this.speaks = true;
    this.tell("state", { state: "speaking" });
  }

  send({ frame, level }) {
    this.tell("level", { level: this.muted ? 0 : level });
    if (!this.speaks || this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > (frame.byteLength / FRAME_MS) * LATEST_MS) {
      this.skipped += FRAME_MS;
      return;
    }
    if (this.skipped) this.socket.send(JSON.stringify({ type: "skipped", ms: Math.min(this.skipped, SKIPPED_MOST_MS) }));
    this.skipped = 0;
    this.socket.send(this.muted ? new ArrayBuffer(frame.byteLength) : frame);
  }

  // leaves the call without handing it back: the agents have it at once
  stop() {
    this.end("");
  }

  end(reason) {
    if (this.over) return;
    this.over = true;
    this.release();
    this.tell("state", { state: "ended", reason });
  }

  release() {
    this.socket?.close(1000);
    this.frames?.port.postMessage("stop");
    this.microphone?.getTracks().forEach((track) => track.stop());
    this.context?.close().catch(() => {});
  }
}
