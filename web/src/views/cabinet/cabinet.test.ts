import { describe, expect, it } from 'vitest';
import { barOf, foldOf } from './cabinet';

const AT = { scores: Float32Array.of(-4, -2, -3), weights: Float32Array.of(0.125, 0.5, 0.375) };

describe('the bars of a cabinet', () => {
  it('go from the worst match to the best', () => {
    expect([0, 1, 2].map((k) => barOf(k, AT, 0))).toEqual([0, 1, 0.5]);
  });

  it('end as shares', () => {
    expect([0, 1, 2].map((k) => barOf(k, AT, 1))).toEqual([0.125, 0.5, 0.375]);
    expect(barOf(1, AT, 0.5)).toBe(0.75);
  });

  it('are full where there is but one folder', () => {
    expect(barOf(0, { scores: Float32Array.of(2), weights: Float32Array.of(1) }, 0)).toBe(1);
  });
});

describe('a note', () => {
  it('is about square', () => {
    expect([64, 20, 4, 1].map(foldOf)).toEqual([8, 5, 2, 1]);
  });
});
