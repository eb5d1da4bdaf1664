/** How much the newest token reads of each earlier one: attention of every block, mean of its heads. */
import type { RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Frame } from '../../core/frames';

export interface Reads {
  run: string;
  q: number;
  /** For each layer the weight of each position up to q. */
  layers: Float32Array[];
}

/** Blocks beyond which the drawing has no room for lines of different strength. */
const MOST_LAYERS = 24;

export async function readRows(
  x: Explorer,
  run: RunInfo,
  q: number,
  signal: AbortSignal,
): Promise<Reads | null> {
  const n_layer = x.model?.config.n_layer ?? 0;
  if (n_layer === 0 || n_layer > MOST_LAYERS) return null;
  const frames = await Promise.all(
    Array.from({ length: n_layer }, (_, layer) =>
      x.api.tensor(run, `h.${layer}.attn.pattern`, { rows: `${q}:${q + 1}`, dtype: 'f4' }, signal),
    ),
  );
  return { run: run.run, q, layers: frames.map((frame) => meanOverHeads(frame, q)) };
}

/** Rows of all heads, one after the other, averaged. */
export function meanOverHeads({ header, data }: Frame, q: number): Float32Array {
  const n = header.shape.at(-1) ?? 0;
  const heads = n === 0 ? 0 : data.length / n;
  const mean = new Float32Array(q + 1);
  for (let head = 0; head < heads; head++) {
    for (let k = 0; k <= q; k++) mean[k]! += data[head * n + k]! / heads;
  }
  return mean;
}
