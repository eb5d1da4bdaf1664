import { describe, expect, it } from 'vitest';
import { compare, reads, windowAround } from './blocks';

describe('what a block reads', () => {
  it('differs from an encoder only behind the position', () => {
    for (let q = 0; q < 4; q++)
      for (let k = 0; k < 4; k++) {
        expect(reads('encoder', q, k)).toBe(true);
        expect(reads('decoder', q, k)).toBe(k <= q);
        expect(reads('only', q, k)).toBe(k <= q);
      }
  });

  it('has the position in the window, and the next where there is one', () => {
    expect(windowAround(0, 3, 6)).toEqual([0, 1, 2]);
    expect(windowAround(3, 9, 6)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(windowAround(6, 9, 6)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(windowAround(8, 9, 6)).toEqual([3, 4, 5, 6, 7, 8]);
  });
});

describe('a pattern without its mask', () => {
  it('opens the cells above the diagonal', () => {
    const bound = [1, 0, 0.5, 0.5];
    const free = [0.25, 0.75, 0.5, 0.5];
    expect(compare(bound, free, 2)).toEqual({ cells: 1, below: 0, future: 0.375 });
  });
});
