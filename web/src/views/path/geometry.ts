/** Where blocks, tracks, keys and values are drawn. */
import { part } from '../../core/clock.svelte';

export interface Track {
  i: number;
  x: number;
}

export interface Block {
  layer: number;
  /** Its top. */
  y: number;
}

export interface Geometry {
  width: number;
  height: number;
  left: number;
  tracks: Track[];
  /** Tokens before the first track drawn. */
  earlier: number;
  blocks: Block[];
  blockHeight: number;
  /** Where tokens stand, below all blocks, and where the output does. */
  bottom: number;
  top: number;
}

const TOP = 54;
const GAP = 6;

export function geometry(
  width: number,
  n_layer: number,
  n_tokens: number,
  current: number,
): Geometry {
  const left = width < 500 ? 30 : 64;
  const narrowest = width < 500 ? 46 : 68;
  const room = Math.max(1, Math.floor((width - left - 8) / narrowest));
  // Few tracks stand wider apart, with a place for the one to come.
  const column = Math.min(112, Math.max(narrowest, (width - left - 8) / (n_tokens + 1)));
  const first = Math.max(
    0,
    Math.min(current - room + 1 + (current < n_tokens - 1 ? 1 : 0), n_tokens - room),
  );
  const blockHeight = Math.max(9, Math.min(46, 400 / n_layer - GAP));
  const bottom = TOP + n_layer * (blockHeight + GAP);
  return {
    width,
    height: bottom + 64,
    left,
    tracks: Array.from({ length: Math.min(room, n_tokens - first) }, (_, c) => ({
      i: first + c,
      x: left + (c + 0.5) * column,
    })),
    earlier: first,
    blocks: Array.from({ length: n_layer }, (_, layer) => ({
      layer,
      y: bottom - (layer + 1) * (blockHeight + GAP) + GAP / 2,
    })),
    blockHeight,
    bottom,
    top: TOP,
  };
}

/** The moments of a step: the token enters, climbs block by block, and is scored at the top. */
export const ENTERS = 0.06;
export const LEAVES = 0.88;

/** How far into a block the vector has come at a moment: 0 before it, 1 behind it. */
export function progress(t: number, layer: number, n_layer: number): number {
  const share = (LEAVES - ENTERS) / n_layer;
  return part(t, ENTERS + layer * share, ENTERS + (layer + 1) * share);
}

/** The height of the vector at a moment. */
export function heightAt(t: number, { bottom, top }: Geometry): number {
  return bottom + (top - bottom) * part(t, ENTERS, LEAVES);
}

/** From the newest track to an earlier one: a low bow, so that many can be told apart. */
export function bow(from: number, to: number, y: number, lift: number): string {
  return `M${from} ${y}Q${(from + to) / 2} ${y - lift} ${to} ${y}`;
}

export function circle(x: number, y: number, r: number): string {
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

export function square(x: number, y: number, r: number): string {
  return `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`;
}
