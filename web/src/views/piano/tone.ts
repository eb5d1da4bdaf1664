/**
 * The tone of a struck string, computed: no recording, no file. A sum of partials, each a little
 * sharper than a whole multiple of the first (a stiff string; Fletcher, Blackham and Stratton 1962),
 * loud at first and then dying away in two stages, the higher ones sooner; and the thud of a hammer.
 */

const MOST_PARTIALS = 14;
/** Where the hammer strikes, as a part of the string: partials with a node there are weak. */
const STRUCK_AT = 1 / 8;
const PEAK = 0.9;

export function frequencyOf(pitch: number): number {
  return 440 * 2 ** ((pitch - 69) / 12);
}

/** Seconds until the first partial has died away to 1/e, slow stage: long for low strings. */
function decayOf(pitch: number): number {
  return Math.max(0.25, 4.2 * 2 ** (-(pitch - 36) / 20));
}

/** Samples of a note that is never damped, between -0.9 and 0.9; the same for the same pitch. */
export function tone(pitch: number, rate: number): Float32Array {
  const decay = decayOf(pitch);
  const n = Math.round(rate * Math.min(4, Math.max(0.6, 2.2 * decay)));
  const wave = new Float32Array(n);
  for (let i = 1; i <= MOST_PARTIALS; i++) addPartial(wave, rate, pitch, i, decay);
  addHammer(wave, rate);
  finish(wave, rate);
  return wave;
}

function addPartial(
  wave: Float32Array,
  rate: number,
  pitch: number,
  i: number,
  decay: number,
): void {
  const stiffness = 4e-4 * 2 ** ((pitch - 60) / 12);
  const stretch = Math.sqrt((1 + stiffness * i * i) / (1 + stiffness));
  const frequency = frequencyOf(pitch) * i * stretch;
  if (frequency > 0.45 * rate) return;
  const strength = Math.abs(Math.sin(Math.PI * i * STRUCK_AT)) / i ** 1.25;
  const slow = decay / (1 + 0.35 * (i - 1));
  const turn = (2 * Math.PI * frequency) / rate;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const [fallFast, fallSlow] = [Math.exp(-5 / (slow * rate)), Math.exp(-1 / (slow * rate))];
  let [re, im, fast, long] = [1, 0, 0.7 * strength, 0.3 * strength];
  for (let at = 0; at < wave.length; at++) {
    wave[at]! += im * (fast + long);
    [re, im] = [re * cos - im * sin, re * sin + im * cos];
    fast *= fallFast;
    long *= fallSlow;
  }
}

/** A thud of noise; its numbers come from a counter, so that a note is always the same. */
function addHammer(wave: Float32Array, rate: number): void {
  let [state, smooth] = [1, 0];
  const n = Math.min(wave.length, Math.round(0.06 * rate));
  const pass = Math.min(1, (2 * Math.PI * 900) / rate);
  for (let at = 0; at < n; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    smooth += pass * (state / 2 ** 31 - 1 - smooth);
    wave[at]! += 0.25 * smooth * Math.exp((-at / rate) * 80);
  }
}

/** No click at the ends, and one loudness for all. */
function finish(wave: Float32Array, rate: number): void {
  const [rise, fall] = [Math.round(0.002 * rate), Math.round(0.08 * rate)];
  for (let at = 0; at < rise; at++) wave[at]! *= at / rise;
  for (let at = 0; at < fall; at++) wave[wave.length - 1 - at]! *= at / fall;
  let top = 1e-9;
  for (const value of wave) top = Math.max(top, Math.abs(value));
  for (let at = 0; at < wave.length; at++) wave[at]! *= PEAK / top;
}
