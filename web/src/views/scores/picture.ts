/** The skyline on a canvas: columns, the cut, the axis of ranks or ids, what is marked. */
import { count, score } from '../../core/numbers';
import type { Ink } from '../../paint/ink';
import type { en } from './en';
import { along, type Column } from './skyline';

export const HEIGHT = 210;
export const [LEFT, TOP, BOTTOM] = [40, 34, 24];

export interface Skyline {
  columns: readonly Column[];
  /** The lowest and the highest logit. */
  ends: readonly [low: number, high: number];
  ranked: boolean;
  /** Tokens of the vocabulary, and how many of them are kept. */
  size: number;
  kept: number;
  marks: readonly { place: number; logit: number; text: string }[];
  hovered: number | null;
  /** Page pixels of the drawing, and of its columns alone. */
  width: number;
  plot: number;
}

const BASE = HEIGHT - BOTTOM;

function heights({ ends: [low, high] }: Skyline): (logit: number) => number {
  return (logit) => BASE - ((logit - low) / (high - low || 1)) * (BASE - TOP);
}

/** Where a place on the axis begins, and where its middle is. */
function places({ size, ranked, plot }: Skyline) {
  const edge = (place: number) => LEFT + plot * along(place, size, ranked);
  return { edge, middle: (place: number) => (edge(place) + edge(place + 1)) / 2 };
}

function line(pen: CanvasRenderingContext2D, x: number, from: number, to: number): void {
  pen.beginPath();
  pen.moveTo(x, from);
  pen.lineTo(x, to);
  pen.stroke();
}

export function drawSkyline(
  pen: CanvasRenderingContext2D,
  ink: Ink,
  now: Skyline,
  t: typeof en,
): void {
  const y = heights(now);
  const step = now.plot / now.columns.length;
  for (const [c, column] of now.columns.entries()) {
    pen.fillStyle = column.kept ? ink.fill.prob : ink.fill.residual;
    // Sorted, the curve stands on the ground; by id, each column is the range of its tokens.
    const bottom = now.ranked ? BASE : y(column.low) + 1;
    pen.fillRect(LEFT + c * step, y(column.high), Math.max(step, 1), bottom - y(column.high));
  }
  pen.font = `11px ${ink.sans}`;
  axes(pen, ink, now);
  if (now.ranked) cut(pen, ink, now, t);
  marks(pen, ink, now);
  if (now.hovered === null) return;
  pen.strokeStyle = ink.ink;
  pen.lineWidth = 1;
  line(pen, places(now).middle(now.hovered), TOP, BASE);
}

function axes(pen: CanvasRenderingContext2D, ink: Ink, now: Skyline): void {
  const { edge, middle } = places(now);
  pen.fillStyle = ink.ink2;
  pen.textAlign = 'right';
  pen.fillText(score(now.ends[1], 1), LEFT - 6, TOP + 8);
  pen.fillText(score(now.ends[0], 1), LEFT - 6, BASE);
  const last = LEFT + now.plot;
  pen.fillText(count(now.ranked ? now.size : now.size - 1), last, HEIGHT - 6);
  pen.strokeStyle = ink.line2;
  pen.lineWidth = 1;
  const powers = [1, 10, 100, 1_000, 10_000, 100_000];
  const told = now.ranked ? powers : [0];
  pen.textAlign = 'center';
  for (const one of told) {
    const x = now.ranked ? middle(one - 1) : edge(one);
    if (one >= now.size || last - x < 60) continue;
    line(pen, x, BASE, BASE + 4);
    pen.fillText(count(one), x, HEIGHT - 6);
  }
}

function cut(pen: CanvasRenderingContext2D, ink: Ink, now: Skyline, t: typeof en): void {
  const x = places(now).edge(now.kept);
  pen.strokeStyle = ink.ink;
  pen.lineWidth = 1.5;
  pen.setLineDash([4, 3]);
  line(pen, x, 18, BASE);
  pen.setLineDash([]);
  const isLeft = x > now.width * 0.6;
  pen.textAlign = isLeft ? 'right' : 'left';
  pen.fillStyle = ink.ink;
  pen.fillText(t.cutLine(count(now.kept)), x + (isLeft ? -6 : 6), 12);
}

/** Names stand above the curve; a second one near the first stands above that. */
function marks(pen: CanvasRenderingContext2D, ink: Ink, now: Skyline): void {
  const [y, { middle }] = [heights(now), places(now)];
  for (const [i, { place, logit, text }] of now.marks.entries()) {
    const x = middle(place);
    pen.strokeStyle = ink.role.query;
    pen.fillStyle = ink.role.query;
    pen.lineWidth = 1.5;
    line(pen, x, y(logit) - 5, BASE);
    pen.beginPath();
    pen.arc(x, y(logit) - 6, 3.5, 0, 7);
    pen.fill();
    const isLeft = x > now.width * 0.7;
    pen.textAlign = isLeft ? 'right' : 'left';
    const isNear = i > 0 && Math.abs(x - middle(now.marks[0]!.place)) < 110;
    pen.strokeStyle = ink.page;
    pen.lineWidth = 4;
    const above = Math.max(28, y(logit) - 12) - (isNear ? 14 : 0);
    pen.strokeText(text, x + (isLeft ? -8 : 8), above);
    pen.fillText(text, x + (isLeft ? -8 : 8), above);
  }
}
