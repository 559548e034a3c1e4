// One call: asks the edge for it, carries its audio both ways, and reconnects when an edge dies. Knows nothing of pages.

const RETRIES = 20;
const RETRY_MS = 500;
// of the microphone's audio, what the network has not taken for so long is dropped, and the edge is told how much
const LATEST_MS = 200;
const FRAME_MS = 20;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

export class Call extends EventTarget {
  // server: address of the edge; rate: 8000 or 16000 Hz; line, key: as the edge was told to accept them
  constructor({ server, rate = 16000, line = "", key = "" }) {
    super();
    this.server = server.replace(/\/$/, "");
    this.rate = rate;
    this.line = line;
    this.key = key;
    this.muted = false;
    this.over = false;
    this.waits = 0;
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  async start() {
    this.tell("state", { state: "microphone" });
    if (!navigator.mediaDevices) throw new Error("Browsers give a microphone to pages with https only.");
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    // the context resamples the microphone and the loudspeaker
    this.context = new AudioContext({ sampleRate: this.rate, latencyHint: "interactive" });
    const asked = this.mayAsk().then((may) => may && this.askForCall());
    asked.catch(() => {}); // said below, after what is wrong with the microphone
    const phone = this.context.audioWorklet.addModule(new URL("phone.js", import.meta.url).href);
    phone.catch(() => {});
    this.microphone = await navigator.mediaDevices.getUserMedia({ audio });
    await phone;
    if (this.over) return this.release(); // hung up while the browser asked
    this.phone = new AudioWorkletNode(this.context, "orchestra-phone", { outputChannelCount: [1] });
    this.loudspeaker = new GainNode(this.context, { gain: this.gain ?? 1 });
    this.context.createMediaStreamSource(this.microphone).connect(this.phone);
    this.phone.connect(this.loudspeaker).connect(this.context.destination);
    this.phone.port.onmessage = ({ data }) => this.fromPhone(data);
    await this.context.resume();
    if (this.over) return this.release();
    this.tell("state", { state: "connecting" });
    await this.follow((await asked) || (await this.askForCall()));
  }

  // whether the microphone is sure to be given: then the edge is asked meanwhile, otherwise after the person has decided
  async mayAsk() {
    const permission = await navigator.permissions?.query({ name: "microphone" }).catch(() => undefined);
    return permission?.state === "granted";
  }

  askForCall() {
    return this.ask("/browser/calls", { rate: this.rate, line: this.line, key: this.key });
  }

  // a simple request, which needs no permission from another site beforehand
  async ask(path, body) {
    const answer = await fetch(this.server + path, { method: "POST", body: JSON.stringify(body) });
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(content.error || `the server answered ${answer.status}`);
    return content;
  }

  async follow(step) {
    for (;;) {
      if (this.over) return this.release();
      if (step.step === "connect") return this.connect(step);
      if (step.message) this.tell("note", { text: step.message });
      if (step.step !== "ask_again") return this.end(step.step === "busy" ? "busy" : "agent_hung_up");
      await wait(step.after_ms);
      step = await this.next(step.tries);
    }
  }

  connect(step) {
    this.step = step;
    const socket = new WebSocket(this.server.replace(/^http/, "ws") + "/browser/stream");
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.skipped = 0;
    socket.onopen = () => {
      const { call, call_key, token, resumed } = step;
      socket.send(JSON.stringify({ type: "start", call, call_key, token, rate: this.rate, resumed }));
      this.tell("state", { state: "connected", call });
    };
    socket.onmessage = ({ data }) => this.fromEdge(data);
    socket.onclose = () => this.streamEnded(socket);
  }

  async streamEnded(socket) {
    if (this.over || socket !== this.socket) return;
    this.phone.port.postMessage({ clear: true });
    this.tell("state", { state: "reconnecting" });
    try {
      await this.follow(await this.next(0));
    } catch (error) {
      this.end("failed", String(error.message || error));
    }
  }

  async next(tries) {
    const { call, call_key, proof, stream } = this.step;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.ask(`/browser/calls/${call}/next`, { call_key, proof, stream, tries });
      } catch (error) {
        // no edge answers at the moment; one that refuses is final
        if (!(error instanceof TypeError) || attempt > RETRIES || this.over) throw error;
        await wait(RETRY_MS);
      }
    }
  }

  fromEdge(data) {
    if (data instanceof ArrayBuffer) return this.phone.port.postMessage({ audio: data }, [data]);
    const message = JSON.parse(data);
    if (message.type === "mark") this.phone.port.postMessage({ mark: message.name });
    else if (message.type === "clear") this.phone.port.postMessage({ clear: true });
    else if (message.type === "caption") this.tell("caption", message);
  }

  fromPhone({ frame, mark, waits, loudness }) {
    if (mark !== undefined) return this.send({ type: "mark", name: mark });
    this.waits = waits;
    this.tell("level", { loudness });
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > (frame.byteLength / FRAME_MS) * LATEST_MS) {
      this.skipped += FRAME_MS;
      return;
    }
    if (this.skipped) this.send({ type: "skipped", ms: Math.min(this.skipped, 60_000) });
    this.skipped = 0;
    this.socket.send(this.muted ? new ArrayBuffer(frame.byteLength) : frame);
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  press(digit) {
    this.send({ type: "digit", digit });
  }

  set volume(gain) {
    this.gain = gain;
    if (this.loudspeaker) this.loudspeaker.gain.value = gain;
  }

  hangUp() {
    this.send({ type: "stop" });
    this.end("caller_hung_up");
  }

  end(reason, error = "") {
    if (this.over) return;
    this.over = true;
    this.release();
    this.tell("state", { state: "ended", reason, error });
  }

  release() {
    this.socket?.close();
    this.phone?.port.postMessage({ stop: true });
    this.microphone?.getTracks().forEach((track) => track.stop());
    this.context?.close().catch(() => {});
  }
}
