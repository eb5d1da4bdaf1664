/** A pair as one row of tokens: its sides, what counts for the loss, and who sees whom. */
import { SOURCE_TEXT } from '../../core/opening';
import type { TokenLike } from '../../core/tokens';

export type Side = 'source' | 'marker' | 'target' | 'end';
export type Loss = 'target' | 'both';
export type Mask = 'causal' | 'prefix';

export interface Cell {
  token: TokenLike;
  side: Side;
  /** Whether the model is taught to predict this token. */
  counts: boolean;
}

/** `source <marker> target <|endoftext|>`; the first token of a row is read and never predicted. */
export function rowOf(
  source: readonly TokenLike[],
  marker: TokenLike,
  target: readonly TokenLike[],
  end: TokenLike,
  loss: Loss,
): Cell[] {
  const sides: [TokenLike, Side][] = [
    ...source.map((token): [TokenLike, Side] => [token, 'source']),
    [marker, 'marker'],
    ...target.map((token): [TokenLike, Side] => [token, 'target']),
    [end, 'end'],
  ];
  return sides.map(([token, side], i) => ({
    token,
    side,
    counts: i > 0 && (loss === 'both' || i > source.length),
  }));
}

/** How many tokens of the row, from the first on, the token at `i` sees. */
export function seen(i: number, n_prompt: number, mask: Mask): number {
  return mask === 'prefix' && i < n_prompt ? n_prompt : i + 1;
}

/** The mask as areas: for each row of the square, how far it reaches. */
export function reach(n: number, n_prompt: number, mask: Mask): number[] {
  return Array.from({ length: n }, (_, i) => seen(i, n_prompt, mask));
}

/** Our own pairs, to show the format with. */
export const PAIRS: readonly (readonly [string, string])[] = [
  [SOURCE_TEXT, 'Ein Hund läuft am Strand entlang.'],
  ['Two children are reading a book.', 'Zwei Kinder lesen ein Buch.'],
  ['The old man plays the guitar.', 'Der alte Mann spielt Gitarre.'],
];

/** The position behind the last marker: where the target begins. Null where there is none. */
export function targetStart(ids: readonly number[], marker: number): number | null {
  const at = ids.lastIndexOf(marker);
  return at < 0 ? null : at + 1;
}

export interface Sums {
  source: number;
  marker: number;
  target: number;
}

/** A row of weights by what it looks at; tokens from `start` on are of the target. */
export function sumsOf(row: ArrayLike<number>, start: number): Sums {
  const sums: Sums = { source: 0, marker: 0, target: 0 };
  for (let k = 0; k < row.length; k++)
    sums[k < start - 1 ? 'source' : k === start - 1 ? 'marker' : 'target'] += row[k]!;
  return sums;
}
