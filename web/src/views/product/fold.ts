/** Where each number of the product stands while it is cut in three and folded into heads. */
import { eased, part } from '../../core/clock.svelte';

export interface Shape {
  /** Width of the model; the product has three times as many numbers. */
  d: number;
  heads: number;
  /** Of the drawing. */
  width: number;
}

export interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Which {
  /** 0 query, 1 key, 2 value. */
  part: number;
  head: number;
  i: number;
}

export const FRONT = 3;
const ROW = 22;
const TOP = 40;
const STEP = 38;
const BEHIND = 4;

export function whichOf(j: number, { d, heads }: Shape): Which {
  const size = d / heads;
  const within = j % d;
  return { part: Math.floor(j / d), head: Math.floor(within / size), i: within % size };
}

/** How tall the drawing is, all its moments taken together. */
export function heightOf({ heads }: Shape): number {
  return TOP + STEP * FRONT + BEHIND * Math.max(0, heads - FRONT) + 26;
}

/** In one line, below one another, and as heads. */
function whole(j: number, { d, width }: Shape): Rect {
  return { x: (j * width) / (3 * d), y: TOP, w: width / (3 * d), h: ROW };
}

function third(j: number, { d, width }: Shape): Rect {
  const row = Math.floor(j / d);
  return { x: ((j % d) * width) / d, y: TOP + row * STEP, w: width / d, h: ROW };
}

function folded(j: number, shape: Shape): Rect {
  const { part: group, head, i } = whichOf(j, shape);
  const gap = 14;
  const wide = (shape.width - 2 * gap) / 3;
  const behind = Math.max(0, head - FRONT + 1);
  const shown = wide - 24;
  const size = shape.d / shape.heads;
  return {
    x: group * (wide + gap) + (i * shown) / size + Math.min(24, behind * 2),
    y: TOP + Math.min(head, FRONT) * STEP + Math.max(0, behind - 1) * BEHIND,
    w: shown / size,
    h: head < FRONT ? ROW : BEHIND - 1,
  };
}

/** The place of number j at a moment: 0 to 0.4 it is being made, then cut, then folded. */
export function placeOf(j: number, shape: Shape, t: number): Rect {
  const cut = eased(part(t, 0.4, 0.65));
  const fold = eased(part(t, 0.72, 1));
  const from = cut < 1 ? whole(j, shape) : third(j, shape);
  const to = cut < 1 ? third(j, shape) : folded(j, shape);
  const share = cut < 1 ? cut : fold;
  const between = (a: number, b: number) => a + (b - a) * share;
  return {
    x: between(from.x, to.x),
    y: between(from.y, to.y),
    w: between(from.w, to.w),
    h: between(from.h, to.h),
  };
}

/** The line over a third, and over its first head once it is folded, with room for the head's name. */
export function titleOf(
  group: number,
  shape: Shape,
  t: number,
): { x: number; y: number; width: number } {
  const size = shape.d / shape.heads;
  const fold = eased(part(t, 0.72, 1));
  const end = (j: number) => {
    const { x, w } = placeOf(group * shape.d + j, shape, t);
    return x + w;
  };
  const { x, y } = placeOf(group * shape.d, shape, t);
  return {
    x,
    y: y - 4 - 15 * fold,
    width: (1 - fold) * (end(shape.d - 1) - x) + fold * (end(size - 1) - x),
  };
}

/** How much of the result has been made at a moment. */
export function madeAt(t: number): number {
  return part(t, 0.05, 0.38);
}

/** The number drawn at a point; null where there is none. */
export function hit(x: number, y: number, n: number, shape: Shape, t: number): number | null {
  for (let j = 0; j < n; j++) {
    const r = placeOf(j, shape, t);
    if (x >= r.x && x < r.x + r.w && y >= r.y && y < r.y + r.h) return j;
  }
  return null;
}
