// Plays a running call on the audio clock: what each side says has its place on the call's clock, and one playhead passes over
// both. It stays as far behind the newest audio as the latest of it arrives, and no further.

// audio comes in chunks, so the first sample of one is late and the last is not; what more than this is late is not waited for
const LONGEST_WAIT_S = 0.2;
const SPARE_S = 0.02;
// the playhead is left where it is if it is this near its place
const NEAR_S = 0.06;
// how long an arrival counts, and how far the playhead may be from its place before it jumps
const REMEMBERED_S = 2;
const JUMP_S = 0.3;
// at first the edge publishes less often: for so long the playhead jumps to its place rather than being moved there
const SETTLING_S = 2;
const FASTER = 1.06;
const SLOWER = 0.95;
const REPORT_S = 0.1;
const SIDES = 2;

class CallPlayer extends AudioWorkletProcessor {
  constructor() {
    super();
    this.sides = Array.from({ length: SIDES }, () => []); // each: { start, samples } in order, in samples of the call's clock
    this.arrivals = []; // { at, late }: how long after its first sample each chunk came, on a clock of the page's own
    this.head = undefined; // the next sample to play; a fraction while the playhead is moved
    this.levels = new Float32Array(SIDES);
    this.reportAt = 0;
    this.port.onmessage = ({ data }) => (data.stop ? (this.stopped = true) : this.take(data));
  }

  // a chunk of a side: { side, offsetMs, rate, samples: Int16Array }
  take({ side, offsetMs, rate, samples }) {
    const start = Math.round((offsetMs / 1000) * sampleRate);
    const piece = { start, samples: resampled(samples, rate) };
    const late = currentFrame - start;
    this.since ??= currentFrame;
    const age = currentFrame - this.since;
    const settling = age < SETTLING_S * sampleRate;
    const remembered = Math.min(REMEMBERED_S * sampleRate, Math.max(0.4 * sampleRate, age / 2));
    this.arrivals = this.arrivals.filter(({ at }) => currentFrame - at < remembered);
    this.arrivals.push({ at: currentFrame, late });
    this.insert(this.sides[side], piece);
    const place = currentFrame - this.behind();
    if (this.head === undefined || Math.abs(place - this.head) > (settling ? NEAR_S : JUMP_S) * sampleRate) this.head = place;
    // what comes too late for the playhead moves it back, if the wait is not too long
    if (start < this.head && start >= place) this.head = start;
  }

  insert(pieces, piece) {
    let at = pieces.length;
    while (at > 0 && pieces[at - 1].start > piece.start) at--;
    pieces.splice(at, 0, piece);
  }

  // how far the playhead should be behind this clock, in samples
  behind() {
    const late = this.arrivals.map((arrival) => arrival.late);
    const wait = Math.max(...late) + SPARE_S * sampleRate;
    return Math.min(wait, Math.min(...late) + (LONGEST_WAIT_S + SPARE_S) * sampleRate);
  }

  step() {
    const place = currentFrame - this.behind();
    const off = place - this.head;
    if (off > NEAR_S * sampleRate) return FASTER;
    return off < -SPARE_S * sampleRate ? SLOWER : 1;
  }

  process(inputs, outputs) {
    if (this.head === undefined) return !this.stopped;
    const step = this.step();
    const from = this.head;
    const length = outputs[0][0].length;
    this.sides.forEach((pieces, side) => this.play(pieces, from, step, outputs[side][0], side));
    this.head += length * step;
    for (const pieces of this.sides) while (pieces[0] && ends(pieces[0]) <= this.head) pieces.shift();
    if (currentTime >= this.reportAt) this.report();
    return !this.stopped;
  }

  play(pieces, from, step, output, side) {
    let at = 0;
    for (let index = 0; index < output.length; index++) {
      const place = from + index * step;
      while (pieces[at] && ends(pieces[at]) <= place) at++;
      output[index] = pieces[at] && place >= pieces[at].start ? sampleAt(pieces, at, place) : 0;
      this.levels[side] = Math.max(this.levels[side], Math.abs(output[index]));
    }
  }

  report() {
    this.reportAt = currentTime + REPORT_S;
    const newest = Math.max(...this.sides.map((pieces) => (pieces.length ? ends(pieces.at(-1)) : 0)), this.head);
    this.port.postMessage({ levels: [...this.levels], waitingMs: ((newest - this.head) / sampleRate) * 1000 });
    this.levels.fill(0);
  }
}

function ends({ start, samples }) {
  return start + samples.length;
}

function sampleAt(pieces, at, place) {
  const { start, samples } = pieces[at];
  const index = Math.floor(place - start);
  const fraction = place - start - index;
  if (fraction === 0) return samples[index];
  const next = pieces[at + 1];
  const following = index + 1 < samples.length ? samples[index + 1] : next && next.start === ends(pieces[at]) ? next.samples[0] : samples[index];
  return samples[index] + (following - samples[index]) * fraction;
}

// at this context's rate, which is that of the call; another rate is an exception
function resampled(samples, rate) {
  if (rate === sampleRate) return Float32Array.from(samples, (value) => value / 32768);
  const length = Math.round((samples.length * sampleRate) / rate);
  return Float32Array.from({ length }, (_, index) => {
    const place = Math.min((index * rate) / sampleRate, samples.length - 1);
    const before = Math.floor(place);
    const after = Math.min(before + 1, samples.length - 1);
    return (samples[before] + (samples[after] - samples[before]) * (place - before)) / 32768;
  });
}

registerProcessor("call-player", CallPlayer);
