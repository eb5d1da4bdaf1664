/** Where the cells of the cache are drawn: blocks upwards, tokens to the right. */
import { part } from '../../core/clock.svelte';

export interface Columns {
  width: number;
  height: number;
  left: number;
  /** Width of a column. Narrow ones are drawn without gaps, as one band. */
  cell: number;
  gap: number;
  rowHeight: number;
  rows: { layer: number; y: number }[];
  top: number;
  bottom: number;
}

const TOP = 30;
const ROW_GAP = 4;
const WIDEST = 88;

export function layOut(width: number, n_layer: number, n_tokens: number): Columns {
  const left = width < 500 ? 26 : 62;
  // A place is kept for the token to come, so that a step adds a column and moves none.
  const cell = Math.min(WIDEST, (width - left - 4) / (n_tokens + 1));
  const rowHeight = Math.max(6, Math.min(40, 380 / n_layer - ROW_GAP));
  const bottom = TOP + n_layer * (rowHeight + ROW_GAP);
  return {
    width,
    height: bottom + 40,
    left,
    cell,
    gap: cell > 8 ? 2 : 0,
    rowHeight,
    rows: Array.from({ length: n_layer }, (_, layer) => ({
      layer,
      y: bottom - (layer + 1) * (rowHeight + ROW_GAP) + ROW_GAP / 2,
    })),
    top: TOP,
    bottom,
  };
}

/** Keys (upper half) or values (lower half) of columns `from` up to `to` in some rows, as a path. */
export function cells(
  c: Columns,
  half: 'key' | 'value',
  from: number,
  to: number,
  rows = c.rows,
): string {
  const h = c.rowHeight / 2;
  const step = c.gap > 0 ? 1 : Math.max(1, to - from);
  const out: string[] = [];
  for (const { y } of rows) {
    for (let i = from; i < to; i += step) {
      const w = Math.max(0.5, step * c.cell - c.gap);
      const top = half === 'key' ? y : y + h;
      out.push(
        `M${round(c.left + i * c.cell)} ${round(top)}h${round(w)}v${round(h)}h${round(-w)}z`,
      );
    }
  }
  return out.join('');
}

function round(value: number): number {
  return Math.round(100 * value) / 100;
}

/** How far a block has come at a moment of a step: below 1 its cells are not made yet. */
export function progress(t: number, layer: number, n_layer: number): number {
  return part(t, (0.85 * layer) / n_layer, (0.85 * (layer + 1)) / n_layer);
}

export interface Named {
  i: number;
  /** The middle of its name, kept inside the drawing. */
  x: number;
  /** Pixels that the name may take. */
  room: number;
}

const LEAST = 44;

/** Columns whose names have room, the current one always among them. */
export function named(c: Columns, n_tokens: number, current: number): Named[] {
  const every = Math.max(1, Math.ceil(LEAST / c.cell));
  const shown = Array.from({ length: n_tokens }, (_, i) => i).filter(
    (i) => i === current || (i % every === 0 && Math.abs(i - current) * c.cell >= LEAST),
  );
  return shown.map((i, at) => {
    const beside = [shown[at - 1], shown[at + 1]].map(
      (j) => Math.abs((j ?? Infinity) - i) * c.cell,
    );
    const room = Math.min(2 * LEAST, ...beside);
    const middle = c.left + i * c.cell + (c.cell - c.gap) / 2;
    return { i, room, x: Math.min(middle, c.width - Math.min(room, LEAST) / 2) };
  });
}
