/** What the heads of a block look at from one position, and how that is read aloud. */
import type { HeadScores, RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Frame } from '../../core/frames';
import type { Arc } from '../../paint/arcs';

export interface Rows {
  layer: number;
  q: number;
  /** One row for each head, as wide as there are tokens that the mask lets through. */
  heads: Float32Array[];
}

export async function readHeads(
  x: Explorer,
  run: RunInfo,
  layer: number,
  q: number,
  signal: AbortSignal,
): Promise<Rows> {
  const site = `h.${layer}.attn.pattern`;
  const frame = await x.api.tensor(run, site, { rows: `${q}:${q + 1}`, dtype: 'f4' }, signal);
  return { layer, q, heads: split(frame, run.edits.causal ? q + 1 : run.ids.length) };
}

/** The rows of all heads, cut to the first `n` keys. */
export function split({ header, data }: Frame, n: number): Float32Array[] {
  const width = header.shape.at(-1) ?? 0;
  const heads = width === 0 ? 0 : data.length / width;
  const all = data as Float32Array;
  return Array.from({ length: heads }, (_, head) =>
    all.subarray(head * width, head * width + Math.min(n, width)),
  );
}

export { reading } from '../../core/reading';

/** How much each key gets, as the mean of some heads. */
export function meanOf(rows: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(rows[0]?.length ?? 0);
  for (const row of rows) row.forEach((weight, k) => (mean[k]! += weight / rows.length));
  return mean;
}

/** Where a token stands in the drawing. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Arcs from the word that asks to all it looks at; heads end side by side, so that none hides. */
export function arcsOf(
  rows: readonly Float32Array[],
  { q, heads, boxes }: { q: number; heads: readonly number[]; boxes: readonly Box[] },
  colour: (head: number) => string,
): Arc[] {
  const place = (i: number, head: number) => {
    const { left, top, width } = boxes[i]!;
    return { x: left + width * (0.2 + (0.6 * (head + 0.5)) / rows.length), y: top };
  };
  return heads.flatMap((head) => {
    const ink = colour(head);
    return Array.from(rows[head] ?? [], (weight, k): Arc | null => {
      if (!boxes[k] || !boxes[q]) return null;
      const [from, to] = [place(q, head), place(k, head)];
      // A word that looks at itself: a small loop instead of nothing.
      if (k === q) [from.x, to.x] = [boxes[q].left + boxes[q].width, boxes[q].left];
      return { from, to, weight, colour: ink, key: `${head}.${k}` };
    }).filter((arc) => arc !== null);
  });
}

export type Habit = 'weight' | 'previous' | 'first' | 'repeat';
export const HABITS: readonly Habit[] = ['weight', 'previous', 'first', 'repeat'];

export interface Ranked {
  layer: number;
  head: number;
  value: number;
}

/** All heads of the model by one score, the strongest first. */
export function ranked(scores: HeadScores, by: Habit): Ranked[] {
  const table = scores[by] ?? [];
  return table
    .flatMap((heads, layer) => heads.map((value, head) => ({ layer, head, value })))
    .sort((a, b) => b.value - a.value || a.layer - b.layer || a.head - b.head);
}

/** The article's sentence, from which it takes its "it". */
export const SECOND_LAW =
  'A robot must obey the orders given it by human beings except where such orders would conflict with the First Law.';
