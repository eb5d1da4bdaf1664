/** Self-attention of a few tokens with three numbers each: a sheet, and every cell that follows. */

export type Matrix = number[][];
export type Given = 'x' | 'wq' | 'wk' | 'wv';
export type Made = 'q' | 'k' | 'v' | 'scores' | 'scaled' | 'weights' | 'z';
export type Block = Given | Made;
export type Sheet = Readonly<Record<Given, Matrix>>;
export type Filled = Readonly<Record<Block, Matrix>>;

export interface Cell {
  block: Block;
  row: number;
  column: number;
}

/** Numbers of each token. */
export const D = 3;
export const TOKENS = 4;
export const GIVEN: readonly Given[] = ['x', 'wq', 'wk', 'wv'];

/** How the blocks are called in formulas and in the Python. */
export const NAMES: Readonly<Record<Block, string>> = {
  x: 'x',
  wq: 'Wq',
  wk: 'Wk',
  wv: 'Wv',
  q: 'q',
  k: 'k',
  v: 'v',
  scores: 'scores',
  scaled: 'scaled',
  weights: 'weights',
  z: 'z',
};

/** A toy of small round numbers; it stands in no model, and the page says so. */
export const ROUND: Sheet = {
  x: [
    [1, 0, 1],
    [0, 2, 0],
    [1, 1, 0],
    [0, 0, 2],
  ],
  wq: [
    [1, 0, 0],
    [0, 1, 0],
    [1, 0, 1],
  ],
  wk: [
    [0, 1, 0],
    [1, 0, 0],
    [0, 0, 1],
  ],
  wv: [
    [1, 0, 2],
    [0, 1, 0],
    [2, 0, 1],
  ],
};

function product(a: Matrix, b: Matrix): Matrix {
  return a.map((row) =>
    b[0]!.map((_, column) => row.reduce((sum, value, i) => sum + value * b[i]![column]!, 0)),
  );
}

function transposed(a: Matrix): Matrix {
  return (a[0] ?? []).map((_, column) => a.map((row) => row[column]!));
}

function softmax(row: readonly number[]): number[] {
  const top = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - top));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}

/** Every cell of the sheet. No mask: each token looks at all. */
export function fill(sheet: Sheet): Filled {
  const [q, k, v] = [sheet.wq, sheet.wk, sheet.wv].map((w) => product(sheet.x, w)) as [
    Matrix,
    Matrix,
    Matrix,
  ];
  const scores = product(q, transposed(k));
  const scaled = scores.map((row) => row.map((value) => value / Math.sqrt(D)));
  const weights = scaled.map(softmax);
  return { ...sheet, q, k, v, scores, scaled, weights, z: product(weights, v) };
}

/** The sheet with one number changed, as float32, which is how the address keeps it. */
export function edit(sheet: Sheet, { block, row, column }: Cell, value: number): Sheet {
  const changed = sheet[block as Given].map((one) => [...one]);
  changed[row]![column] = Math.fround(value);
  return { ...sheet, [block]: changed };
}

/** Cells that a cell is made of. */
export function operands({ block, row, column }: Cell, n: number): Cell[] {
  const across = (of: Block, length: number): Cell[] =>
    Array.from({ length }, (_, i) => ({ block: of, row, column: i }));
  const down = (of: Block, length: number, at = column): Cell[] =>
    Array.from({ length }, (_, i) => ({ block: of, row: i, column: at }));
  switch (block) {
    case 'q':
    case 'k':
    case 'v':
      return [...across('x', D), ...down(`w${block}`, D)];
    case 'scores':
      return [
        ...across('q', D),
        ...Array.from({ length: D }, (_, i) => ({ block: 'k' as const, row: column, column: i })),
      ];
    case 'scaled':
      return [{ block: 'scores', row, column }];
    case 'weights':
      return across('scaled', n);
    case 'z':
      return [...across('weights', n), ...down('v', n)];
    default:
      return [];
  }
}

export function keyOf({ block, row, column }: Cell): string {
  return `${block}-${row}-${column}`;
}
