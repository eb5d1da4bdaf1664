/** Three blocks and what a position of each may see; what becomes of a pattern without its mask. */

export type Kind = 'encoder' | 'decoder' | 'only';
export type Layer = 'open' | 'masked' | 'cross' | 'feed' | 'norm';

/** Layers of each block from the bottom up, as the article draws them; norms are this model's. */
export const BLOCKS: Readonly<Record<Kind, readonly Layer[]>> = {
  encoder: ['open', 'feed'],
  decoder: ['masked', 'cross', 'feed'],
  only: ['norm', 'masked', 'norm', 'feed'],
};

/** Positions that the article's first two blocks can take. */
export const ARTICLE_POSITIONS = 512;

/** Whether a block's self-attention at `q` reads position `k`. */
export function reads(kind: Kind, q: number, k: number): boolean {
  return kind === 'encoder' || k <= q;
}

/** Positions to draw: `most` at the most, with `q` among them and, where there is room, one behind. */
export function windowAround(q: number, n: number, most: number): number[] {
  const start = Math.max(0, Math.min(q - most + 2, n - most));
  return Array.from({ length: Math.min(most, n) }, (_, i) => start + i);
}

export interface Opened {
  /** Cells that were 0 and are not any more. */
  cells: number;
  /** Those of them at or below the diagonal: there must be none. */
  below: number;
  /** What goes to later positions now, as a mean over all positions. */
  future: number;
}

/** Compares a pattern with the one of the same head without a mask; both are T x T. */
export function compare(bound: ArrayLike<number>, free: ArrayLike<number>, n: number): Opened {
  const opened = { cells: 0, below: 0, future: 0 };
  for (let q = 0; q < n; q++) {
    for (let k = 0; k < n; k++) {
      const [before, now] = [bound[q * n + k]!, free[q * n + k]!];
      if (k > q) opened.future += now / n;
      if (before !== 0 || now === 0) continue;
      opened.cells += 1;
      if (k <= q) opened.below += 1;
    }
  }
  return opened;
}
