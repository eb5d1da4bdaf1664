/** What the overview asks for, and when: windows of exact rows, and texts as long as the context. */
import type { Frame } from '../../core/frames';

/** The text said again and again, to the last position of the model. */
export function repeated(ids: readonly number[], n: number): number[] {
  if (ids.length === 0) return [];
  return Array.from({ length: n }, (_, i) => ids[i % ids.length]!);
}

export interface Span {
  start: number;
  end: number;
}

/** How many exact rows are asked for at once: those that the table has room for. */
const ROWS = 14;

/** The rows that hold `q`, in steps, so that the rows beside it are there already. */
export function spanOf(q: number, n: number): Span {
  const start = Math.max(0, Math.min(n - ROWS, q - ROWS / 2));
  return { start, end: Math.min(n, start + ROWS) };
}

/** Exact rows of one head. */
export interface Exact extends Span {
  run: string;
  layer: number;
  head: number;
  frame: Frame;
  /** Whether a position sees those after it. */
  causal: boolean;
}

/** A row as far as the mask lets it see; null where it is not among those that came. */
export function rowOf(exact: Exact | null, q: number): Float32Array | null {
  if (!exact || q < exact.start || q >= exact.end) return null;
  const width = exact.frame.header.shape.at(-1) ?? 0;
  const from = (q - exact.start) * width;
  return (exact.frame.data as Float32Array).subarray(from, from + (exact.causal ? q + 1 : width));
}

/** The blocks in the order in which they are asked for: the one that is looked at, then its neighbours. */
export function nearestFirst(n: number, from: number): number[] {
  return Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => Math.abs(a - from) - Math.abs(b - from) || a - b,
  );
}

/** The first of the largest. */
export function strongestOf(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}
