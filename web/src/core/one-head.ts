/** One head at one position: the query, every key and value it may see, and what comes of them. */
import type { RunInfo } from '../api/types';
import type { Explorer } from './explorer.svelte';

export interface HeadAt {
  run: RunInfo;
  layer: number;
  head: number;
  q: number;
  /** Numbers of a vector. */
  K: number;
  /** Positions that are seen. */
  n: number;
  query: Float32Array;
  /** All keys, one after the other; values likewise. */
  keys: Float32Array;
  values: Float32Array;
  /** Query times key; the same over the square root of K; after softmax. */
  dots: Float32Array;
  scores: Float32Array;
  weights: Float32Array;
  /** What the head gives on. */
  output: Float32Array;
}

export interface Which {
  layer: number;
  head: number;
  q: number;
}

export async function readHead(
  x: Explorer,
  run: RunInfo,
  { layer, head, q }: Which,
  signal: AbortSignal,
): Promise<HeadAt> {
  const n = run.edits.causal ? q + 1 : run.ids.length;
  const row = `${q}:${q + 1}`;
  const values = async (name: string, rows: string) => {
    const site = `h.${layer}.attn.${name}`;
    const frame = await x.api.tensor(run, site, { head, rows, dtype: 'f4' }, signal);
    return frame.data as Float32Array;
  };
  const [query, keys, contents, scores, weights, output, stages] = await Promise.all([
    values('q', row),
    values('k', `0:${n}`),
    values('v', `0:${n}`),
    values('scores', row),
    values('pattern', row),
    values('z', row),
    x.api.masklab(run, { layer, head, mask: 'none', dtype: 'f4', rows: row }, signal),
  ]);
  const dots = stages.find(({ header }) => header.name === 'qk')!.data as Float32Array;
  return {
    run,
    layer,
    head,
    q,
    K: query.length,
    n,
    query,
    keys,
    values: contents,
    dots: dots.subarray(0, n),
    scores: scores.subarray(0, n),
    weights: weights.subarray(0, n),
    output,
  };
}

/** The vector of one position. */
export function vectorAt(all: Float32Array, k: number, K: number): Float32Array {
  return all.subarray(k * K, (k + 1) * K);
}

/** Entry by entry, in float32. Their sum is the dot product. */
export function products(query: Float32Array, key: Float32Array): Float32Array {
  return query.map((value, i) => value * key[i]!);
}

/** Values faded by their weights, and laid over each other. */
export function blend(weights: Float32Array, values: Float32Array, K: number): Float32Array {
  const sum = new Float64Array(K);
  weights.forEach((weight, k) => {
    for (let i = 0; i < K; i++) sum[i]! += weight * values[k * K + i]!;
  });
  return Float32Array.from(sum);
}

/** How far two vectors are apart where they are farthest. */
export function farthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** The magnitude that all but a few entries stay under: outliers would leave the rest without colour. */
export function usual(values: Float32Array): number {
  const sizes = values.map(Math.abs).sort();
  return sizes[Math.floor(0.97 * (sizes.length - 1))] || 1;
}

export interface Shown {
  /** Positions, in the order of the text. */
  keys: number[];
  others: number;
  /** What the others weigh together. */
  rest: number;
}

/** The heaviest positions, with those that must be there: as many as a screen has room for. */
export function shownKeys(weights: Float32Array, must: readonly number[], most: number): Shown {
  const always = [...new Set(must)].filter((k) => k >= 0 && k < weights.length);
  const heavy = Array.from(weights.keys())
    .filter((k) => !always.includes(k))
    .sort((a, b) => weights[b]! - weights[a]!)
    .slice(0, Math.max(0, most - always.length));
  const keys = [...always, ...heavy].sort((a, b) => a - b);
  const kept = new Set(keys);
  const rest = weights.reduce((sum, weight, k) => (kept.has(k) ? sum : sum + weight), 0);
  return { keys, others: weights.length - keys.length, rest };
}

/** A weight as an opacity: its root, so that small ones can be seen and nothing is ever quite gone. */
export function faded(weight: number, by = 1): number {
  return 1 - by * (1 - Math.max(0.1, Math.sqrt(weight)));
}
