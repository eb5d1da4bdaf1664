/** The first numbers of the live model: of its normalised stream, and of one head's weights. */
import type { RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Frame } from '../../core/frames';
import { D, TOKENS, type Matrix, type Sheet } from './bench';

export interface Live {
  sheet: Sheet;
  layer: number;
  head: number;
  /** The position of the first token on the sheet. */
  start: number;
}

function matrix({ data }: Frame): Matrix {
  return Array.from({ length: data.length / D }, (_, row) => [
    ...data.slice(row * D, (row + 1) * D),
  ]);
}

/** Positions on the sheet: the last four of what is shown, fewer where there are fewer. */
export function placesOf(step: number): { start: number; end: number } {
  return { start: Math.max(0, step - TOKENS), end: step };
}

export async function readLive(
  x: Explorer,
  run: RunInfo,
  at: { layer: number; head: number; step: number },
  signal: AbortSignal,
): Promise<Live | null> {
  const config = x.called(run.model)?.config;
  if (!config || config.head_dim < D) return null;
  const { layer, head } = at;
  const { start, end } = placesOf(at.step);
  const name = `h.${layer}.attn.c_attn.weight`;
  // Queries, keys and values stand side by side, each of all heads.
  const columns = [0, 1, 2].map((part) => part * config.n_embd + head * config.head_dim);
  const [stream, ...weights] = await Promise.all([
    x.api.tensor(
      run,
      `h.${layer}.ln_1`,
      { rows: `${start}:${end}`, cols: `0:${D}`, dtype: 'f4' },
      signal,
    ),
    ...columns.map(async (from) => {
      const range = { rows: `0:${D}`, cols: `${from}:${from + D}` };
      return (await x.api.weights(run.model, name, range, signal))[0]!;
    }),
  ]);
  const [wq, wk, wv] = weights.map(matrix) as [Matrix, Matrix, Matrix];
  return { sheet: { x: matrix(stream), wq, wk, wv }, layer, head, start };
}
