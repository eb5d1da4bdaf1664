/** A parameter shrunk to a picture: its cells, where they lie in it, and its histogram. */
import type { Frame } from '../../core/frames';

export interface Pooled {
  name: string;
  mean: Frame;
  maxAbs: Frame;
  shape: number[];
  rowEdges: number[];
  colEdges: number[];
  counts: number[];
  binEdges: number[];
  min: number;
  max: number;
  average: number;
  std: number;
  norm: number;
}

export function pooledOf(name: string, [mean, maxAbs]: Frame[]): Pooled {
  if (!mean || !maxAbs) throw new Error('Two frames were expected.');
  const of = (key: string) => mean.header[key];
  return {
    name,
    mean,
    maxAbs,
    shape: of('full_shape') as number[],
    rowEdges: of('row_edges') as number[],
    colEdges: of('col_edges') as number[],
    counts: of('counts') as number[],
    binEdges: of('bin_edges') as number[],
    min: of('min') as number,
    max: of('max') as number,
    average: of('mean') as number,
    std: of('std') as number,
    norm: of('norm') as number,
  };
}

/** The largest magnitude: where the strongest colour is. */
export function extentOf({ data }: Frame): number {
  let top = 0;
  for (const value of data) top = Math.max(top, Math.abs(value));
  return top || 1;
}

/** What a cell of the picture covers, as the reader counts: `12–17`, or `12`. */
export function spans(edges: readonly number[]): string[] {
  return edges.slice(0, -1).map((start, i) => {
    const last = edges[i + 1]! - 1;
    return last > start ? `${start}–${last}` : String(start);
  });
}

/** The most exact weights that are printed at once. */
export const CLOSE = 8;

/** The first rows and columns of a cell, as the server takes them. */
export function corner(edges: readonly number[], i: number): { start: number; end: number } {
  const start = edges[i]!;
  return { start, end: Math.min(edges[i + 1]!, start + CLOSE) };
}
