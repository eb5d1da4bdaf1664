import { describe, expect, it } from 'vitest';
import { cells, layOut, named, progress } from './columns';
import { places, shapes } from './measured';

describe('the grid', () => {
  it('keeps a place for the next token at any width and length', () => {
    for (const width of [340, 900]) {
      for (const n of [1, 7, 1024]) {
        const c = layOut(width, 12, n);
        expect(c.left + (n + 1) * c.cell).toBeLessThanOrEqual(width);
        expect(c.rows[11]!.y).toBeGreaterThanOrEqual(c.top);
      }
    }
  });

  it('draws each cell of wide columns, and one band of narrow ones', () => {
    const wide = layOut(900, 3, 6);
    expect(cells(wide, 'key', 0, 4).match(/M/g)).toHaveLength(12);
    const narrow = layOut(900, 3, 1024);
    expect(cells(narrow, 'value', 0, 1000).match(/M/g)).toHaveLength(3);
    expect(cells(narrow, 'value', 5, 5)).toBe('');
  });

  it('names the current column, and no two names stand in one another', () => {
    const c = layOut(900, 12, 1024);
    const shown = named(c, 1024, 700);
    expect(shown.map(({ i }) => i)).toContain(700);
    for (let at = 1; at < shown.length; at++) {
      const [one, next] = [shown[at - 1]!, shown[at]!];
      expect((next.i - one.i) * c.cell).toBeGreaterThanOrEqual(43.9);
      expect(one.x + one.room / 2).toBeLessThanOrEqual(next.x - next.room / 2 + 0.1);
    }
  });

  it('keeps the name of the last of many columns inside', () => {
    const c = layOut(900, 12, 1024);
    const last = named(c, 1024, 1023).at(-1)!;
    expect(last.i).toBe(1023);
    expect(last.x).toBeLessThanOrEqual(900 - 22);
  });

  it('makes a column from the bottom up, and has all of it at the end', () => {
    expect([progress(0, 0, 6), progress(1, 5, 6)]).toEqual([0, 1]);
    expect(progress(0.4, 0, 6)).toBe(1);
    expect(progress(0.4, 5, 6)).toBe(0);
  });
});

describe('what is measured', () => {
  it('ends with the text and asks for eight steps at most', () => {
    expect(places(1)).toEqual([0]);
    expect(places(9)).toEqual([0, 3, 8]);
    expect(places(100_000).length).toBeLessThanOrEqual(8);
    expect(places(1024).at(-1)).toBe(1023);
  });

  it('gives the shapes of a step with the cache one row', () => {
    expect(shapes(12, 64, 1, 6)).toEqual({
      q: '12 × 1 × 64',
      kNew: '12 × 1 × 64',
      k: '12 × 7 × 64',
      pattern: '12 × 1 × 7',
    });
  });
});
