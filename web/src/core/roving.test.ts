import { describe, expect, it } from 'vitest';
import { rove, roveRows } from './roving';

it('goes left, right and to the ends, never out of the row', () => {
  const keys = ['ArrowLeft', 'ArrowRight', 'Home', 'End', 'a'];
  expect(keys.map((key) => rove(key, 1, 3))).toEqual([0, 2, 0, 2, null]);
  expect([rove('ArrowLeft', 0, 3), rove('ArrowRight', 2, 3)]).toEqual([0, 2]);
});

describe('rows of cells', () => {
  it('are walked in all four directions, and left in none', () => {
    const walk = (key: string, at: number) => roveRows(key, at, 10, 4);
    expect(walk('ArrowDown', 1)).toBe(5);
    expect(walk('ArrowUp', 5)).toBe(1);
    expect(walk('ArrowUp', 1)).toBe(1);
    expect(walk('ArrowDown', 7)).toBe(7);
    expect(walk('ArrowRight', 3)).toBe(4);
    expect(walk('End', 0)).toBe(9);
    expect(walk('Enter', 0)).toBeNull();
  });
});
