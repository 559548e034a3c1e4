// The telephone, on the audio clock: the microphone leaves in frames of 20 ms, the agent's audio and marks wait in a queue.

const FRAME_S = 0.02;
// the edge sends 0.1 s ahead; what waits longer is played faster, and of more than 0.2 s the oldest is dropped: a delay that
// the network once caused would stay
const LATEST_S = 0.2;
const LATE_S = 0.15;
const IN_TIME_S = 0.1;
const FASTER = 1.15;

class Phone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frame = new Int16Array(Math.round(sampleRate * FRAME_S));
    this.filled = 0;
    this.queue = []; // Float32Array of audio, or the name of a mark
    this.waiting = 0; // samples in the queue that were not played
    this.position = 0; // in the first item, with a fraction while it is played faster
    this.step = 1;
    this.loudness = 0;
    this.ticks = 0;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take(message) {
    if (message.audio) {
      const samples = new Int16Array(message.audio);
      this.queue.push(Float32Array.from(samples, (value) => value / 32768));
      this.waiting += samples.length;
      this.drop(this.waiting - LATEST_S * sampleRate);
    } else if (message.mark !== undefined) {
      this.queue.push(message.mark);
      this.passMarks();
    } else if (message.clear) {
      const dropped = this.queue.filter((item) => typeof item === "string");
      this.queue = [];
      this.waiting = 0;
      this.position = 0;
      for (const mark of dropped) this.port.postMessage({ mark });
    } else if (message.stop) {
      this.stopped = true;
    }
  }

  // drops this many of the samples that wait, the oldest
  drop(samples) {
    for (let left = samples; left > 0 && this.queue.length; ) {
      const dropped = Math.min(left, this.queue[0].length - this.position);
      this.position += dropped;
      this.waiting -= dropped;
      left -= dropped;
      this.advance();
    }
  }

  // goes on to the next item if this one is over
  advance() {
    if (this.position < this.queue[0].length) return;
    this.position -= this.queue.shift().length;
    this.passMarks();
    if (this.queue.length === 0) this.position = this.waiting = 0;
  }

  passMarks() {
    while (typeof this.queue[0] === "string") this.port.postMessage({ mark: this.queue.shift() });
  }

  nextSample() {
    const head = this.queue[0];
    if (head === undefined) return 0;
    const index = Math.floor(this.position);
    const fraction = this.position - index;
    const following = index + 1 < head.length ? head[index + 1] : head[index];
    const sample = head[index] + (following - head[index]) * fraction;
    this.position += this.step;
    this.waiting -= this.step;
    this.advance();
    return sample;
  }

  process([microphone], [[output]]) {
    const input = microphone[0];
    const waits = this.waiting / sampleRate;
    if (waits > LATE_S) this.step = FASTER;
    else if (waits < IN_TIME_S) this.step = 1;
    for (let at = 0; at < output.length; at++) {
      output[at] = this.nextSample();
      this.loudness = Math.max(this.loudness, Math.abs(output[at]));
      const said = input ? Math.max(-1, Math.min(1, input[at])) : 0;
      this.frame[this.filled++] = said * 32767;
      if (this.filled === this.frame.length) this.send();
    }
    return !this.stopped;
  }

  send() {
    const frame = this.frame.slice().buffer;
    this.port.postMessage({ frame, waits: Math.max(0, this.waiting / sampleRate), loudness: this.loudness }, [frame]);
    this.filled = 0;
    this.loudness = 0;
  }
}

registerProcessor("orchestra-phone", Phone);
