// The audio thread of the live page: from the microphone to pieces at the rate of the protocol, and from pieces to the ear.

const RATE = 24000;
/** The samples that are sent at once: 40 ms. */
const PIECE = RATE / 25;
/** The samples that may wait to be played: twenty minutes. */
const LONGEST = RATE * 1200;
/** How many waves of the filter there are on each side of a sample. */
const WAVES = 16;

/** From one rate to another: a low-pass filter, kept once for each place that a sample can have between two others. */
class Resampler {
  constructor(from, to) {
    let [common, rest] = [from, to];
    while (rest) [common, rest] = [rest, common % rest];
    this.up = to / common;
    this.down = from / common;
    const cut = from === to ? 1 : 0.94 * Math.min(1, to / from);
    const half = Math.ceil(WAVES / cut);
    this.taps = 2 * half;
    this.filters = Array.from({ length: this.up }, (_, place) => {
      const filter = Float32Array.from({ length: this.taps }, (_, tap) => {
        const x = tap - half + 1 - place / this.up;
        const wave = x === 0 ? 1 : Math.sin(Math.PI * cut * x) / (Math.PI * cut * x);
        return wave * (0.5 + 0.5 * Math.cos(Math.PI * x / (half + 1)));
      });
      const sum = filter.reduce((sum, tap) => sum + tap, 0);
      return filter.map((tap) => tap / sum);
    });
    this.clear();
  }

  clear() {
    this.kept = new Float32Array(this.taps);
    this.at = 0;
    this.place = 0;
  }

  /** What `samples` add at the other rate. The last of them wait for those that follow. */
  push(samples) {
    const input = new Float32Array(this.kept.length + samples.length);
    input.set(this.kept);
    input.set(samples, this.kept.length);
    const output = new Float32Array(Math.ceil(input.length * this.up / this.down) + 1);
    let length = 0;
    while (this.at + this.taps <= input.length) {
      const filter = this.filters[this.place];
      let sum = 0;
      for (let tap = 0; tap < this.taps; tap++) sum += filter[tap] * input[this.at + tap];
      output[length++] = sum;
      this.place += this.down;
      this.at += Math.floor(this.place / this.up);
      this.place %= this.up;
    }
    const used = Math.min(this.at, input.length);
    this.kept = input.slice(used);
    this.at -= used;
    return output.subarray(0, length);
  }
}

/** The last that a processor does: what it returns ends it. */
function farewell({ port }) {
  port.postMessage({ ended: true });
  return false;
}

/** Posts what the microphone hears, piece by piece. */
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, RATE);
    this.piece = new Int16Array(PIECE);
    this.length = 0;
    this.over = false;
    this.port.onmessage = () => { this.over = true; };
  }

  process([[heard]]) {
    if (this.over) return farewell(this);
    for (const sample of heard ? this.resampler.push(heard) : []) {
      this.piece[this.length++] = 32767 * Math.max(-1, Math.min(1, sample));
      if (this.length === PIECE) {
        this.port.postMessage(this.piece, [this.piece.buffer]);
        this.piece = new Int16Array(PIECE);
        this.length = 0;
      }
    }
    return true;
  }
}

/**
 * Plays pieces one after the other. It takes `{ item, samples }`, `{ stop: item }` for silence at once, and
 * `{ end: true }`. It tells how much was played, and after a stop how much of each item that is not heard to its end.
 */
class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(RATE, sampleRate);
    this.all = 0;
    this.told = 0;
    this.item = undefined;
    this.played = 0;
    this.over = false;
    this.silence();
    this.port.onmessage = ({ data }) => this.take(data);
  }

  silence() {
    this.waiting = [];
    this.room = LONGEST;
    this.now = new Float32Array();
    this.at = 0;
    this.resampler.clear();
  }

  take({ item, samples, stop, end }) {
    if (end) this.over = true;
    if (samples && samples.length > this.room) {
      this.port.postMessage({ full: true });
    } else if (samples) {
      this.room -= samples.length;
      this.waiting.push({ item, samples });
    }
    if (stop !== undefined) this.stop(stop);
  }

  /** Stops. `open` is the item that more was to come of, if there is one. */
  stop(open) {
    const cut = new Set(this.waiting.map(({ item }) => item));
    if (this.at < this.now.length) cut.add(this.item);
    if (open) cut.add(open);
    this.silence();
    this.tell();
    for (const item of cut) {
      this.port.postMessage({ cut: item, seconds: item === this.item ? this.played / sampleRate : 0 });
    }
  }

  /** Goes on to the next piece, if there is one. */
  next() {
    const piece = this.waiting.shift();
    if (!piece) return false;
    if (piece.item !== this.item) this.played = 0;
    this.item = piece.item;
    this.room += piece.samples.length;
    this.now = this.resampler.push(Float32Array.from(piece.samples, (sample) => sample / 32768));
    this.at = 0;
    return true;
  }

  tell() {
    if (this.told !== this.all) this.port.postMessage({ played: this.all / sampleRate });
    this.told = this.all;
  }

  process(_, [[ear]]) {
    if (this.over) return farewell(this);
    let filled = 0;
    while (filled < ear.length && (this.at < this.now.length || this.next())) {
      const part = this.now.subarray(this.at, this.at + ear.length - filled);
      ear.set(part, filled);
      filled += part.length;
      this.at += part.length;
    }
    this.played += filled;
    this.all += filled;
    if (filled === 0 || this.all - this.told > sampleRate / 4) this.tell();
    return true;
  }
}

registerProcessor("recorder", Recorder);
registerProcessor("player", Player);
