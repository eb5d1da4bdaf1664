/** A cell's formula, with names and with numbers; and the whole sheet in Python. */
import { score, tiny } from '../../core/numbers';
import { D, NAMES, operands, type Cell, type Filled, type Matrix, type Sheet } from './bench';

export interface Formula {
  /** `q[2,1]` */
  name: string;
  names: string;
  numbers: string;
}

/** Rows and columns are counted from 1, as on the sheet. */
export function nameOf({ block, row, column }: Cell): string {
  return `${NAMES[block]}[${row + 1},${column + 1}]`;
}

/** Six digits that matter, with a true minus; a negative one in brackets where it is a factor. */
export function written(value: number, bracket = false): string {
  const text = String(Number(value.toPrecision(6))).replaceAll('-', '−');
  return bracket && value < 0 ? `(${text})` : text;
}

/** For a narrow cell: whole numbers as they are, three decimals or digits, a power of ten for the rest. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e5) return written(value);
  if (size >= 1e5 || size < 1e-3) return tiny(value);
  return score(value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

/** What stands in the cell, put together; null for a cell that is given. */
export function formulaOf(all: Filled, cell: Cell): Formula | null {
  const parts = operands(cell, all.x.length);
  if (parts.length === 0) return null;
  const value = (one: Cell) => all[one.block][one.row]![one.column]!;
  const both = (put: (say: (one: Cell) => string) => string) => ({
    name: nameOf(cell),
    names: put(nameOf),
    numbers: put((one) => written(value(one), true)),
  });
  if (cell.block === 'scaled') return both((say) => `${say(parts[0]!)} / √${D}`);
  if (cell.block === 'weights') {
    const own = parts[cell.column]!;
    return both((say) => `e^${say(own)} / (${parts.map((one) => `e^${say(one)}`).join(' + ')})`);
  }
  const half = parts.length / 2;
  const pairs = parts.slice(0, half).map((one, i) => [one, parts[half + i]!] as const);
  return both((say) => pairs.map(([a, b]) => `${say(a)}·${say(b)}`).join(' + '));
}

/** Python that gives every cell of the sheet again. */
export function python(sheet: Sheet): string {
  const array = (matrix: Matrix) => {
    const rows = matrix.map((row) => `[${row.map(single).join(', ')}]`);
    const line = rows.join(', ');
    return `np.array([${line.length < 72 ? line : rows.map((row) => `\n    ${row},`).join('') + '\n'}])`;
  };
  return [
    'import numpy as np',
    '',
    `x = ${array(sheet.x)}`,
    `Wq = ${array(sheet.wq)}`,
    `Wk = ${array(sheet.wk)}`,
    `Wv = ${array(sheet.wv)}`,
    'q, k, v = x @ Wq, x @ Wk, x @ Wv',
    'scores = q @ k.T',
    `scaled = scores / np.sqrt(${D})`,
    'weights = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)',
    'z = weights @ v',
  ].join('\n');
}

/** All digits: the number that Python reads is the one that was used here. */
function single(value: number): string {
  return String(value);
}
