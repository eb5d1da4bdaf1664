/** A text as a minimap: every token a block as wide as its characters, in lines as on a page. */
import { pieces, type TokenLike } from '../../core/tokens';

export interface Block {
  x: number;
  y: number;
  width: number;
}

export interface Layout {
  blocks: Block[];
  /** Of a line, and of the block within it. */
  line: number;
  height: number;
}

const TALL = 150;
const LARGEST = 8;
const SMALLEST = 1.6;

function lengthOf(token: TokenLike): number {
  const n = pieces(token).reduce((sum, { shown }) => sum + [...shown].length, 0);
  return Math.max(1, n);
}

/** Fills about the same height whatever the length, until characters would be too small. */
export function layOut(tokens: readonly TokenLike[], width: number): Layout {
  const lengths = tokens.map(lengthOf);
  const all = lengths.reduce((sum, n) => sum + n, 0);
  const fitting = Math.sqrt((Math.max(1, width) * TALL) / (3 * Math.max(1, all)));
  const unit = Math.min(LARGEST, Math.max(SMALLEST, fitting));
  const line = 3 * unit;
  const blocks: Block[] = [];
  let [x, y] = [0, 0];
  tokens.forEach((_, i) => {
    const wide = Math.min(width, lengths[i]! * unit);
    if (x > 0 && x + wide > width) [x, y] = [0, y + line];
    blocks.push({ x, y, width: wide });
    x += wide;
  });
  return { blocks, line, height: (blocks.at(-1)?.y ?? 0) + line };
}

/** The token under a point, or the nearest of its line; null beside all lines. */
export function tokenAt({ blocks, line }: Layout, x: number, y: number): number | null {
  let best: number | null = null;
  blocks.forEach((block, i) => {
    if (y >= block.y && y < block.y + line && x >= block.x) best = i;
  });
  return best;
}

/** Where a key leads in the map: along the text, or to the line above or below. */
export function walk(layout: Layout, key: string, at: number, n: number): number | null {
  const along = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: n - 1 }[key];
  if (along !== undefined) return Math.max(0, Math.min(n - 1, along));
  const up = { ArrowUp: -1, ArrowDown: 1 }[key];
  const block = layout.blocks[at];
  if (up === undefined || !block) return null;
  const to = tokenAt(layout, block.x + block.width / 2, block.y + (up + 0.5) * layout.line);
  return to === null || to >= n ? at : to;
}
