/** Reading an answer of the logit lens: which block a site belongs to, and how dark a cell is. */
import type { Lens, Token } from '../../api/types';

/** What a cell tells: the likeliest word there, or how likely the word that is followed is, or its rank. */
export const TELLS = ['best', 'prob', 'rank'] as const;
export type Tell = (typeof TELLS)[number];

export function tellOf(name: string | null): Tell {
  return TELLS.find((one) => one === name) ?? 'best';
}

export interface Site {
  layer: number;
  kind: 'embedding' | 'attention' | 'mlp';
}

export function siteOf(name: string): Site {
  const [, layer, where] = /^h\.(\d+)\.(\w+)$/.exec(name) ?? [];
  if (where === 'resid_mid') return { layer: Number(layer), kind: 'attention' };
  return { layer: Number(layer), kind: where === 'resid_post' ? 'mlp' : 'embedding' };
}

/** Positions to show: as many as there is room for, the chosen one among them. */
export function windowOf(q: number, n: number, room: number): [number, number] {
  const size = Math.max(1, Math.min(room, n));
  const start = Math.max(0, Math.min(n - size, q - Math.floor(size / 2)));
  return [start, start + size];
}

/** How dark a cell is, 0 to 1: the root of the probability, or the rank on a logarithmic scale. */
export function shade(by: Tell, { prob, rank, size }: Record<string, number>): number {
  if (by !== 'rank') return Math.sqrt(Math.min(1, Math.max(0, prob!)));
  return 1 - Math.log(Math.max(1, rank!)) / Math.log(Math.max(2, size!));
}

export function tokenOf(lens: Lens, id: number): Token {
  return lens.tokens.find((token) => token.id === id) ?? { id, text: String(id), bytes: '' };
}
