// The operator's microphone in frames of 40 ms, on the audio clock.

const FRAME_S = 0.04;
// samples that the browser renders at once (Web Audio API, "render quantum")
const QUANTUM = 128;

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frame = new Int16Array(Math.round(sampleRate * FRAME_S));
    this.filled = 0;
    this.level = 0;
    this.port.onmessage = () => (this.stopped = true);
  }

  process([[input]]) {
    for (let at = 0; at < QUANTUM; at++) {
      const said = input ? Math.max(-1, Math.min(1, input[at])) : 0;
      this.level = Math.max(this.level, Math.abs(said));
      this.frame[this.filled++] = said * 32767;
      if (this.filled === this.frame.length) this.send();
    }
    return !this.stopped;
  }

  send() {
    const frame = this.frame.slice().buffer;
    this.port.postMessage({ frame, level: this.level }, [frame]);
    this.filled = 0;
    this.level = 0;
  }
}

registerProcessor("microphone", Microphone);
