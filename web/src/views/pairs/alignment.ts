/** What every written word looked at when it was written: rows of the heads of one block. */
import type { RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';

export interface Aligned {
  run: RunInfo;
  layer: number;
  /** The position of the first written word. */
  start: number;
  /** How many words are written. */
  n: number;
  /** What word `i` looked at: one head, or the mean of all; as wide as what was there then. */
  row: (i: number, head: number | null) => Float32Array;
}

/** A word at position `p` is written behind `p - 1`: the row of that query. */
export async function readAlignment(
  x: Explorer,
  run: RunInfo,
  { layer, start }: { layer: number; start: number },
  signal: AbortSignal,
): Promise<Aligned> {
  const n = run.ids.length - start;
  const rows = `${start - 1}:${Math.max(start, run.ids.length - 1)}`;
  const site = `h.${layer}.attn.pattern`;
  const { header, data } = await x.api.tensor(run, site, { rows, dtype: 'f4' }, signal);
  const [heads, queries, width] = header.shape as [number, number, number];
  const values = data as Float32Array;
  const one = (i: number, head: number) => {
    const from = (head * queries + i) * width;
    return values.subarray(from, from + start + i);
  };
  const row = (i: number, head: number | null) => {
    if (head !== null) return one(i, Math.min(head, heads - 1));
    const mean = new Float32Array(start + i);
    for (let h = 0; h < heads; h++) one(i, h).forEach((w, k) => (mean[k]! += w / heads));
    return mean;
  };
  return { run, layer, start, n, row };
}
