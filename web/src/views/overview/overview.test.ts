import { describe, expect, it } from 'vitest';
import { nearestFirst, repeated, rowOf, spanOf, strongestOf, type Exact } from './overview';

describe('what is asked for first', () => {
  it('is the block that is looked at, then those beside it', () => {
    expect(nearestFirst(5, 3)).toEqual([3, 2, 4, 1, 0]);
    expect(nearestFirst(3, 9)).toEqual([2, 1, 0]);
    expect(nearestFirst(0, 0)).toEqual([]);
  });
});

describe('a text as long as the context', () => {
  it('is the same text again, cut at the end', () => {
    expect(repeated([1, 2, 3], 7)).toEqual([1, 2, 3, 1, 2, 3, 1]);
    expect(repeated([1, 2, 3], 2)).toEqual([1, 2]);
    expect(repeated([], 4)).toEqual([]);
  });
});

describe('exact rows', () => {
  it('come in a window that holds the row asked for and stays within the text', () => {
    for (const [q, n] of [
      [0, 1],
      [3, 4],
      [0, 1024],
      [500, 1024],
      [1023, 1024],
    ] as const) {
      const { start, end } = spanOf(q, n);
      expect(start).toBeGreaterThanOrEqual(0);
      expect(start).toBeLessThanOrEqual(q);
      expect(end).toBeGreaterThan(q);
      expect(end).toBeLessThanOrEqual(n);
    }
  });

  it('end where the mask begins', () => {
    const header = {
      name: '',
      shape: [2, 3],
      dtype: 'f4',
      layout: 'dense',
      code: 'linear',
    } as const;
    const frame = {
      header: { ...header, shape: [2, 3] },
      data: Float32Array.of(0.5, 0.5, 0, 0.2, 0.3, 0.5),
    };
    const exact: Exact = { run: 'r', layer: 0, head: 0, start: 1, end: 3, frame, causal: true };
    expect([...rowOf(exact, 1)!]).toEqual([0.5, 0.5]);
    expect(rowOf(exact, 2)).toHaveLength(3);
    expect(rowOf({ ...exact, causal: false }, 1)).toHaveLength(3);
    expect(rowOf(exact, 0)).toBeNull();
    expect(rowOf(null, 0)).toBeNull();
  });

  it('know their largest', () => {
    expect(strongestOf([0.2, 0.5, 0.5])).toBe(1);
  });
});
