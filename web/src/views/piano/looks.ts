/**
 * What an event looked at, told of notes. Attention goes from event to event: a note stands for the
 * NOTE_ON that begins it, and where that is wished for its NOTE_OFF, too; what goes to time shifts
 * and loudness has no place on the roll and is told in numbers beside it.
 */
import type { RunInfo } from '../../api/types';
import { strongest, type Choice } from '../../paint/arcs';
import type { KindOrNone } from './events';
import { firstFrom, type Note, type Score } from './score';

/** What an event looked at, in one block: rows of all heads. */
export interface Looks {
  run: RunInfo;
  score: Score;
  kinds: readonly KindOrNone[];
  layer: number;
  /** The event that is asked about, and the position whose row this is: its own, or the one before. */
  asked: number;
  q: number;
  heads: Float32Array[];
}

export interface Edge {
  head: number;
  /** The note that is looked at, by its place in the score. */
  note: number;
  /** The weight on its NOTE_ON, or the sum of those on its NOTE_ON and its NOTE_OFF. */
  weight: number;
}

export interface Asked {
  heads: readonly number[];
  /** Whether the weight on a note's NOTE_OFF is added. */
  ends: boolean;
  /** The event that looks; the note that it begins is not looked at from itself. */
  asked: number;
}

export function edgesOf(
  rows: readonly Float32Array[],
  score: Score,
  { heads, ends, asked }: Asked,
): Edge[] {
  return heads.flatMap((head) => {
    const row = rows[head];
    if (!row) return [];
    return score.notes.flatMap(({ on }, note) => {
      if (on >= row.length || on === asked) return [];
      return { head, note, weight: weightOn(row, score, note, ends) };
    });
  });
}

/** What a row has for a note. */
export function weightOn(row: Float32Array, score: Score, note: number, ends: boolean): number {
  const { on, off } = score.notes[note]!;
  const begins = row[on] ?? 0;
  // A note that is struck again ends with the NOTE_ON of the next, which counts for that one.
  const hasEnd = ends && off !== null && score.noteOf[off] === note;
  return hasEnd ? begins + (row[off] ?? 0) : begins;
}

/** The edges that are drawn: the strongest, of those that are strong enough. */
export function atMost(
  edges: readonly Edge[],
  { most, least }: { most: number; least: number },
): Choice<Edge> {
  const { drawn, rest, restWeight } = strongest(edges, most);
  const kept = drawn.filter(({ weight }) => weight >= least);
  const weak = drawn.slice(kept.length);
  return {
    drawn: kept,
    rest: rest + weak.length,
    restWeight: weak.reduce((sum, { weight }) => sum + weight, restWeight),
  };
}

/** How much of a row goes to events of each kind. */
export function sharesOf(
  row: ArrayLike<number>,
  kinds: readonly KindOrNone[],
): Record<KindOrNone, number> {
  const shares = { on: 0, off: 0, shift: 0, velocity: 0, other: 0 };
  for (let k = 0; k < row.length; k++) shares[kinds[k]!] += row[k]!;
  return shares;
}

export type Habit = 'peaks' | 'pitch' | 'previous';
export const HABITS: readonly Habit[] = ['peaks', 'pitch', 'previous'];

/** Of notes that begin together the highest, by their places: the upper line. */
function upperLine(notes: readonly Note[]): number[] {
  const line: number[] = [];
  notes.forEach(({ start, pitch }, i) => {
    const top = line.at(-1);
    if (top === undefined || notes[top]!.start !== start) line.push(i);
    else if (pitch > notes[top]!.pitch) line[line.length - 1] = i;
  });
  return line;
}

/** Notes of the upper line that are higher than the one before and the one behind. */
export function peaks(notes: readonly Note[]): number[] {
  const line = upperLine(notes);
  const pitchAt = (i: number) => notes[line[i]!]!.pitch;
  return line.filter(
    (_, i) =>
      i > 0 && i + 1 < line.length && pitchAt(i) > pitchAt(i - 1) && pitchAt(i) > pitchAt(i + 1),
  );
}

/** Earlier notes that have something in common with one. */
export function alike(notes: readonly Note[], note: number, habit: Habit): number[] {
  const { pitch, start } = notes[note]!;
  const n = firstFrom(notes, start);
  const before = Array.from({ length: n }, (_, i) => i);
  if (habit === 'peaks') return peaks(notes).filter((i) => i < n);
  if (habit === 'pitch') return before.filter((i) => notes[i]!.pitch === pitch);
  const last = notes[n - 1]?.start;
  return before.filter((i) => notes[i]!.start === last);
}

export interface Ranked {
  layer: number;
  head: number;
  value: number;
}

/** All heads of all blocks by their weight on the NOTE_ONs of some notes, the strongest first. */
export function rankHeads(
  layers: readonly (readonly Float32Array[])[],
  score: Score,
  notes: readonly number[],
): Ranked[] {
  return layers
    .flatMap((heads, layer) =>
      heads.map((row, head) => ({
        layer,
        head,
        value: notes.reduce((sum, note) => sum + weightOn(row, score, note, false), 0),
      })),
    )
    .sort((a, b) => b.value - a.value || a.layer - b.layer || a.head - b.head);
}
