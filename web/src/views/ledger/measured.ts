/** Which steps are run under the clock, and the shapes that tensors have in a step. */

import { count } from '../../core/numbers';

/** Positions of texts of 1, 4, 16, ... tokens and the whole: together less than three times it. */
export function places(n: number): number[] {
  const lengths: number[] = [];
  for (let length = 1; length < n; length *= 4) lengths.push(length);
  return [...lengths.slice(-7), n].map((length) => length - 1);
}

export interface Shapes {
  q: string;
  kNew: string;
  k: string;
  pattern: string;
}

/** Shapes of one layer in a pass that reads `fresh` tokens behind `held` cached ones. */
export function shapes(heads: number, headDim: number, fresh: number, held: number): Shapes {
  const of = (...axes: number[]) => axes.map(count).join(' × ');
  return {
    q: of(heads, fresh, headDim),
    kNew: of(heads, fresh, headDim),
    k: of(heads, held + fresh, headDim),
    pattern: of(heads, fresh, held + fresh),
  };
}

/** A column of the books by tokens of text, as a line is drawn. */
export function line<T extends { position: number }>(
  rows: readonly T[],
  amount: (row: T) => number,
): [tokens: number, amount: number][] {
  return rows.map((row) => [row.position + 1, amount(row)]);
}
