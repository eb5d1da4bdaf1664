/** The product of a layer at a position: its input, its result, its bias, and the matrix made small. */
import type { RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Frame } from '../../core/frames';

export interface Product {
  run: RunInfo;
  layer: number;
  q: number;
  x: Frame['data'];
  result: Frame['data'];
  bias: Frame['data'];
  /** The largest weight in each tile. */
  tiles: Frame;
}

const TILES = 96;

export async function readProduct(
  x: Explorer,
  run: RunInfo,
  layer: number,
  q: number,
  signal: AbortSignal,
): Promise<Product> {
  const rows = `${q}:${q + 1}`;
  const name = `h.${layer}.attn.c_attn`;
  const [input, result, bias, pooled] = await Promise.all([
    x.api.tensor(run, `h.${layer}.ln_1`, { rows, dtype: 'f4' }, signal),
    x.api.tensor(run, `h.${layer}.attn.qkv`, { rows, dtype: 'f4' }, signal),
    x.api.weights(run.model, `${name}.bias`, { rows: '0:1' }, signal),
    x.api.weights(run.model, `${name}.weight`, { pool: TILES }, signal),
  ]);
  return {
    run,
    layer,
    q,
    x: input.data,
    result: result.data,
    bias: bias[0]!.data,
    tiles: pooled[1]!,
  };
}

/** One column of the matrix, exactly. */
export async function readColumn(
  x: Explorer,
  model: string,
  layer: number,
  j: number,
  signal: AbortSignal,
): Promise<Frame['data']> {
  const cols = `${j}:${j + 1}`;
  const [frame] = await x.api.weights(model, `h.${layer}.attn.c_attn.weight`, { cols }, signal);
  return frame!.data;
}

/** Products of two rows of numbers, one by one, and their sum in float64. */
export function multiplied(a: ArrayLike<number>, b: ArrayLike<number>) {
  const products = Float64Array.from(a, (value, i) => value * b[i]!);
  return { products, sum: products.reduce((sum, value) => sum + value, 0) };
}
