/**
 * The piano: tones of tone.ts through the browser's own audio. Nothing is loaded; each pitch is
 * computed when it is first struck. Loud notes are brighter, a note that ends is damped, and a small
 * room answers.
 */
import { frequencyOf, tone } from './tone';

const RATE = 32_000;
/** Voices beyond which the oldest falls silent. */
const MOST_VOICES = 48;

interface Voice {
  source: AudioBufferSourceNode;
  gain: GainNode;
}

export class Sound {
  readonly #buffers = new Map<number, AudioBuffer>();
  readonly #voices = new Set<Voice>();
  #context: AudioContext | null = null;
  #out: AudioNode | null = null;

  /** Must follow a click or a key, or the browser stays silent. */
  open(): void {
    if (this.#context) {
      void this.#context.resume().catch(() => undefined);
      return;
    }
    try {
      this.#context = new AudioContext({ latencyHint: 'interactive' });
      this.#out = room(this.#context);
      void this.#context.resume().catch(() => undefined);
    } catch {
      this.#context = null; // no audio here: the roll plays silently
    }
  }

  /** Strikes a note in `delay` seconds from now, to be damped `seconds` later. */
  strike(pitch: number, velocity: number, { delay = 0, seconds = 0.5 } = {}): void {
    const context = this.#context;
    if (!context || !this.#out) return;
    const when = context.currentTime + Math.max(0, delay);
    const until = when + Math.max(0.03, seconds);
    const source = new AudioBufferSourceNode(context, { buffer: this.#buffer(context, pitch) });
    const gain = new GainNode(context, { gain: loudness(velocity) });
    const bright = frequencyOf(pitch) * (3 + 16 * (velocity / 127) ** 2);
    const filter = new BiquadFilterNode(context, {
      type: 'lowpass',
      frequency: Math.min(0.45 * context.sampleRate, Math.max(600, bright)),
      Q: 0.3,
    });
    const pan = new StereoPannerNode(context, {
      pan: Math.max(-0.5, Math.min(0.5, (pitch - 62) / 70)),
    });
    source.connect(filter).connect(gain).connect(pan).connect(this.#out);
    // Dampers: heavier strings take longer to fall silent.
    gain.gain.setTargetAtTime(0, until, pitch < 48 ? 0.09 : 0.055);
    source.start(when);
    source.stop(until + 0.6);
    this.#hold({ source, gain });
  }

  /** All strings at rest. */
  silence(): void {
    const now = this.#context?.currentTime ?? 0;
    for (const { source, gain } of this.#voices) {
      gain.gain.cancelScheduledValues(now);
      gain.gain.setTargetAtTime(0, now, 0.03);
      source.stop(now + 0.2);
    }
    this.#voices.clear();
  }

  close(): void {
    this.silence();
    void this.#context?.close().catch(() => undefined);
    this.#context = this.#out = null;
  }

  #buffer(context: AudioContext, pitch: number): AudioBuffer {
    const known = this.#buffers.get(pitch);
    if (known) return known;
    const wave = tone(pitch, RATE);
    const buffer = context.createBuffer(1, wave.length, RATE);
    buffer.getChannelData(0).set(wave);
    this.#buffers.set(pitch, buffer);
    return buffer;
  }

  #hold(voice: Voice): void {
    this.#voices.add(voice);
    voice.source.onended = () => this.#voices.delete(voice);
    if (this.#voices.size <= MOST_VOICES) return;
    const [oldest] = this.#voices;
    if (!oldest) return;
    oldest.source.stop();
    this.#voices.delete(oldest);
  }
}

/** How loud a velocity is, from 0 to 1. */
export function loudness(velocity: number): number {
  return 0.45 * (velocity / 127) ** 1.7;
}

/** A way to the speakers: direct, and through a room of a second made of falling noise. */
function room(context: AudioContext): AudioNode {
  const into = new GainNode(context, { gain: 0.9 });
  const limit = new DynamicsCompressorNode(context, { threshold: -9, ratio: 6 });
  const echo = new ConvolverNode(context, { buffer: falling(context, 1.1) });
  const wet = new GainNode(context, { gain: 0.16 });
  into.connect(limit);
  into.connect(echo).connect(wet).connect(limit);
  limit.connect(context.destination);
  return into;
}

/** Noise that dies away, in two channels; its numbers come from a counter. */
function falling(context: AudioContext, seconds: number): AudioBuffer {
  const n = Math.round(seconds * context.sampleRate);
  const buffer = context.createBuffer(2, n, context.sampleRate);
  let state = 7;
  for (const channel of [0, 1]) {
    const data = buffer.getChannelData(channel);
    for (let at = 0; at < n; at++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      data[at] = (state / 2 ** 31 - 1) * (1 - at / n) ** 3;
    }
  }
  return buffer;
}
