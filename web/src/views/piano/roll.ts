/** Where notes stand on the roll, which part of time is seen, and how keys walk it. */
import type { Note } from './score';

/** A stretch of time, in seconds. */
export interface Span {
  from: number;
  seconds: number;
}

export interface Frame extends Span {
  width: number;
  height: number;
  /** Room for the names of the pitches, and for arcs above the highest. */
  left: number;
  top: number;
  /** The lowest and the highest pitch. */
  low: number;
  high: number;
}

const TWO_OCTAVES = 24;

/** The pitches that are shown: those of the notes, and at least two octaves around them. */
export function bounds(notes: readonly Pick<Note, 'pitch'>[]): { low: number; high: number } {
  if (notes.length === 0) return { low: 48, high: 48 + TWO_OCTAVES - 1 };
  let [low, high] = [127, 0];
  for (const { pitch } of notes) [low, high] = [Math.min(low, pitch), Math.max(high, pitch)];
  const rows = Math.max(TWO_OCTAVES, high - low + 3);
  const first = Math.min(128 - rows, Math.max(0, low - ((rows - (high - low + 1)) >> 1)));
  return { low: first, high: first + rows - 1 };
}

export function xOf(frame: Frame, time: number): number {
  return frame.left + ((time - frame.from) / frame.seconds) * (frame.width - frame.left);
}

export function timeAt(frame: Frame, x: number): number {
  return frame.from + ((x - frame.left) / (frame.width - frame.left)) * frame.seconds;
}

export function rowHeight({ height, top, low, high }: Frame): number {
  return (height - top) / (high - low + 1);
}

/** The upper edge of a pitch's row. */
export function yOf(frame: Frame, pitch: number): number {
  return frame.top + (frame.high - pitch) * rowHeight(frame);
}

/** A note has a width even where it is as short as an event. */
export const NARROWEST = 3;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function boxOf(frame: Frame, { pitch, start, end }: Note): Box {
  const x = xOf(frame, start);
  const width = Math.max(NARROWEST, xOf(frame, end) - x - 1);
  return { x, y: yOf(frame, pitch), width, height: rowHeight(frame) };
}

/** The note under a pointer, of those that lie there the one that begins last. */
export function noteAt(
  notes: readonly Note[],
  frame: Frame,
  px: number,
  py: number,
): number | null {
  const near = 3;
  for (let i = notes.length - 1; i >= 0; i--) {
    const { x, y, width, height } = boxOf(frame, notes[i]!);
    const inside = px >= x - near && px <= x + width + near && py >= y && py <= y + height;
    if (inside && px >= frame.left) return i;
  }
  return null;
}

/** Where a key leads from a note: along time, or to the nearest pitch above or below; null for others. */
export function walk(notes: readonly Note[], key: string, at: number): number | null {
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: notes.length - 1 }[key];
  if (to !== undefined) return Math.max(0, Math.min(notes.length - 1, to));
  const up = { ArrowUp: 1, ArrowDown: -1 }[key];
  const now = notes[at];
  if (up === undefined || !now) return null;
  let best: number | null = null;
  // A semitone is as far as an eighth of a second.
  const far = (i: number) =>
    Math.abs(notes[i]!.pitch - now.pitch) + 8 * Math.abs(notes[i]!.start - now.start);
  notes.forEach(({ pitch }, i) => {
    if (Math.sign(pitch - now.pitch) === up && (best === null || far(i) < far(best))) best = i;
  });
  return best ?? at;
}

/** All of a piece; something even of none. */
export function whole(seconds: number): Span {
  return { from: 0, seconds: Math.max(1, seconds) };
}

const SHORTEST = 0.5;

/** Nothing before the beginning or behind the end. */
export function clampSpan({ from, seconds }: Span, all: number): Span {
  const most = whole(all).seconds;
  const kept = Math.min(most, Math.max(SHORTEST, seconds));
  return { from: Math.max(0, Math.min(most - kept, from)), seconds: kept };
}

/** Closer or farther by a factor, while the time `at` stays where it is. */
export function zoomed(span: Span, all: number, factor: number, at: number): Span {
  const { seconds } = clampSpan({ ...span, seconds: span.seconds / factor }, all);
  const kept = (at - span.from) / span.seconds;
  return clampSpan({ from: at - kept * seconds, seconds }, all);
}

/** A span that has this time in it, moved only as far as it has to be: what is earlier stays in sight. */
export function follow(span: Span, all: number, time: number): Span {
  const [soon, late] = [0.15 * span.seconds, 0.85 * span.seconds];
  if (time < span.from) return clampSpan({ ...span, from: time - soon }, all);
  if (time > span.from + late) return clampSpan({ ...span, from: time - late }, all);
  return span;
}

/** Seconds between two lines of time: 1, 2 or 5 of something, at least `room` pixels apart. */
export function timeStep({ seconds, width, left }: Frame, room = 56): number {
  const least = (room * seconds) / Math.max(1, width - left);
  const size = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((n) => n * size).find((step) => step >= least * 0.999) ?? 10 * size;
}
