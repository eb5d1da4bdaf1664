/** Notes out of events: which event begins a note, which ends it, and when. */
import type { TokenLike } from '../../core/tokens';
import { eventOf, STEP, velocityOf, type Event } from './events';

export interface Note {
  pitch: number;
  /** Seconds. */
  start: number;
  end: number;
  /** 1 to 127. */
  velocity: number;
  /** The event that begins it. */
  on: number;
  /** The event that ends it: its NOTE_OFF, or a NOTE_ON that strikes it again; null where none does. */
  off: number | null;
}

export interface Score {
  /** In the order in which they begin. */
  notes: Note[];
  /** When each event takes place, in seconds; one more for the end of the text. */
  times: number[];
  /** The note that each event begins or ends; -1 for none. */
  noteOf: number[];
  /** How loud a note would be behind the last event. */
  velocity: number;
}

/** How loud notes are before the first SET_VELOCITY. */
export const UNSAID = velocityOf(16);

/** Reads a performance. Time shifts are counted in whole steps, so that no rounding adds up. */
export function readScore(tokens: readonly Pick<TokenLike, 'text'>[]): Score {
  const score: Score = { notes: [], times: [], noteOf: [], velocity: UNSAID };
  const sounding = new Map<number, number>();
  let steps = 0;
  tokens.forEach(({ text }, i) => {
    const event = eventOf(text);
    score.times.push(steps * STEP);
    score.noteOf.push(-1);
    if (event?.kind === 'shift') steps += event.value;
    else if (event?.kind === 'velocity') score.velocity = velocityOf(event.value);
    else if (event) play(score, sounding, event, i);
    else silence(score, sounding, steps * STEP);
  });
  score.times.push(steps * STEP);
  silence(score, sounding, steps * STEP);
  return score;
}

/** The end of a piece, or of the text: what still sounds ends there. */
function silence({ notes }: Score, sounding: Map<number, number>, now: number): void {
  for (const at of sounding.values()) notes[at]!.end = now;
  sounding.clear();
}

function play(score: Score, sounding: Map<number, number>, event: Event, i: number): void {
  const { notes, noteOf, velocity } = score;
  const now = score.times[i]!;
  const before = sounding.get(event.value);
  const isOn = event.kind === 'on';
  if (before !== undefined) {
    Object.assign(notes[before]!, { end: now, off: i });
    sounding.delete(event.value);
    // A NOTE_ON that ends a note is told as the note that it begins.
    if (!isOn) noteOf[i] = before;
  }
  if (!isOn) return;
  noteOf[i] = notes.length;
  sounding.set(event.value, notes.length);
  notes.push({ pitch: event.value, start: now, end: now, velocity, on: i, off: null });
}

/** How long the piece is, in seconds. */
export function lengthOf(score: Score): number {
  return score.times.at(-1) ?? 0;
}

/** The first note that begins at `time` or later; as many as there are if none does. */
export function firstFrom(notes: readonly Note[], time: number): number {
  let [low, high] = [0, notes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (notes[middle]!.start < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Notes that begin from `from` on and before `to`: those to be struck in a stretch of time. */
export function beginning(notes: readonly Note[], from: number, to: number): Note[] {
  return notes.slice(firstFrom(notes, from), firstFrom(notes, to));
}

/** The event that began the note struck last at a time; null before the first. */
export function struckAt(notes: readonly Note[], time: number): number | null {
  // Times are whole steps: half of one is less than any two are apart.
  const n = firstFrom(notes, time + STEP / 2);
  return notes[n - 1]?.on ?? null;
}
