import { describe, expect, it } from 'vitest';
import { pack, unpack } from './address';
import { edit, fill, operands, ROUND, type Block, type Filled } from './bench';
import { formulaOf, python, short } from './formula';

/** Reads a formula with numbers as the reader would. */
function evaluate(text: string): number {
  const number = (part: string) => Number(part.replace(/[()]/g, '').replaceAll('−', '-'));
  const [over, under] = text.split(' / ');
  if (under?.startsWith('√')) return number(over!) / Math.sqrt(number(under.slice(1)));
  const power = (part: string) => Math.exp(number(part.replace(/^\(?e\^/, '')));
  if (under) {
    const powers = under.split(' + ').map(power);
    return power(over!) / powers.reduce((a, b) => a + b, 0);
  }
  return text
    .split(' + ')
    .map((term) => term.split('·').map(number) as [number, number])
    .reduce((sum, [a, b]) => sum + a * b, 0);
}

const MADE: readonly Block[] = ['q', 'k', 'v', 'scores', 'scaled', 'weights', 'z'];

function cells(all: Filled) {
  return MADE.flatMap((block) =>
    all[block].flatMap((values, row) => values.map((_, column) => ({ block, row, column }))),
  );
}

describe('the sheet', () => {
  const all = fill(ROUND);

  it('has weights that sum to 1 in each row', () => {
    for (const row of all.weights) expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });

  it('follows from x and W', () => {
    expect(all.q[0]).toEqual([2, 0, 1]);
    expect(all.k[1]).toEqual([2, 0, 0]);
    expect(all.scores[0]![1]).toBe(4);
    expect(all.scaled[0]![1]).toBeCloseTo(4 / Math.sqrt(3), 12);
  });

  it('shows for every cell a formula that gives its value', () => {
    const odd = fill(edit(ROUND, { block: 'x', row: 0, column: 0 }, -0.37));
    for (const cell of cells(odd)) {
      const formula = formulaOf(odd, cell)!;
      expect(evaluate(formula.numbers)).toBeCloseTo(odd[cell.block][cell.row]![cell.column]!, 4);
    }
    expect(formulaOf(odd, { block: 'x', row: 0, column: 0 })).toBeNull();
  });

  it('changes only what follows from an edit', () => {
    const after = fill(edit(ROUND, { block: 'wv', row: 0, column: 0 }, 9));
    expect(after.weights).toEqual(all.weights);
    expect(after.z).not.toEqual(all.z);
    expect(operands({ block: 'z', row: 1, column: 2 }, 4)).toHaveLength(8);
  });

  it('has cells of one width', () => {
    expect([2, -1, 1.1547005, 0.0598, -0.0062, 4.9e-4, -5.1e-5, 123.456].map(short)).toEqual([
      '2',
      '−1',
      '1.155',
      '0.060',
      '−0.006',
      '4.9e−4',
      '−5.1e−5',
      '123.5',
    ]);
  });

  it('is written in Python with all of its digits', () => {
    expect(python(ROUND)).toContain('x = np.array([[1, 0, 1], [0, 2, 0], [1, 1, 0], [0, 0, 2]])');
  });
});

describe('the address', () => {
  it('keeps an edited sheet', () => {
    const mine = edit(ROUND, { block: 'wk', row: 2, column: 1 }, 0.1);
    expect(unpack(pack(mine))).toEqual(mine);
    expect(pack(mine)).toMatch(/^[\w-]+$/);
    const short = { ...mine, x: mine.x.slice(0, 2) };
    expect(unpack(pack(short))).toEqual(short);
  });

  it('refuses what is no sheet', () => {
    for (const stage of ['', 'live', 'own-', 'own-AAAA', 'own-!', `own-${'A'.repeat(4000)}`])
      expect(unpack(stage)).toBeNull();
  });
});
