import { describe, expect, it } from 'vitest';
import type { Curves, Training } from '../../api/types';
import { band, chosen, isRound, keptChoice, kindOf, line, rowsOf, scale } from './curves';

const run = (name: string, step = 5) => ({ name, step }) as Training;
const RUNS = ['a', 'b', 'c', 'd', 'sweep/e'].map((name) => run(name));

describe('which runs are drawn', () => {
  it('begins with the newest that have a step', () => {
    expect(chosen(null, [...RUNS, run('new', 0)])).toEqual(['b', 'c', 'd', 'sweep/e']);
  });

  it('comes back from a link, without runs that are gone', () => {
    const kept = keptChoice(['sweep/e', 'a', 'gone']);
    expect(kept).toMatch(/^[\w-]+$/);
    expect(chosen(kept, RUNS)).toEqual(['a', 'sweep/e']);
    expect(chosen(keptChoice([]), RUNS)).toEqual([]);
  });

  it('keeps the line of a run while others come and go', () => {
    expect(kindOf('c', RUNS)).toBe(2);
    expect(kindOf('c', [...RUNS, run('z')])).toBe(2);
  });
});

describe('scales', () => {
  it('hold all values, or one', () => {
    expect(scale([1, 3, 2], [0, 100], false).domain()).toEqual([1, 3]);
    expect(scale([2, 2], [0, 100], false)(2)).toBe(50);
    expect(scale([], [0, 100], false).domain()).toEqual([1, 2]);
  });

  it('leave out what has no logarithm', () => {
    const log = scale([0, 1, 10, 100], [0, 100], true);
    expect(log.domain()).toEqual([1, 100]);
    expect(log(10)).toBeCloseTo(50);
    const points = [0, 1, 10, 100].map((x) => ({ x, y: 1, low: 1, high: 1 }));
    expect(line(points, log, (y) => y)).toBe('M0.0 1.0L50.0 1.0L100.0 1.0');
  });

  it('name 1, 2 and 5 times powers of ten', () => {
    expect([0.2, 1, 3, 50, 2000, 0.7].filter(isRound)).toEqual([0.2, 1, 50, 2000]);
  });
});

it('a band is there where neighbours were joined', () => {
  const same = (n: number) => n;
  const point = { x: 1, y: 2, low: 2, high: 2 };
  expect(band([point, point], same, same)).toBe('');
  expect(band([point, { x: 2, y: 2, low: 1, high: 3 }], same, same)).toBe(
    'M1.0 2.0L2.0 3.0L2.0 1.0L1.0 2.0Z',
  );
});

it('the twin has a row for each place', () => {
  const at = (x: number, y: number) => ({ x, y, low: y, high: y });
  const of = (name: string, points: number[], valid: number[]) =>
    ({
      name,
      points: points.map((x) => at(x, 10 * x)),
      valid: valid.map((x) => at(x, x)),
    }) as Curves;
  const drawn = [
    { curves: of('a', [1, 2], [2]), kind: 0 },
    { curves: of('b', [2, 3], []), kind: 1 },
  ];
  expect(rowsOf(drawn)).toEqual([
    { x: 1, cells: [10, null, null, null] },
    { x: 2, cells: [20, 2, 20, null] },
    { x: 3, cells: [null, null, 30, null] },
  ]);
});
