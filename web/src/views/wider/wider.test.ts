import { describe, expect, it } from 'vitest';
import { extent, gelu, nearest } from './gelu';

describe('GELU', () => {
  it('is the tanh form, which differs from the exact one', () => {
    expect(gelu(0)).toBe(0);
    expect(gelu(1)).toBeCloseTo(0.841192, 6); // the error function gives 0.841345
    expect(gelu(-1)).toBeCloseTo(-0.158808, 6);
    expect(gelu(10)).toBeCloseTo(10, 6);
    expect(gelu(-10)).toBeCloseTo(0, 6);
  });
});

describe('the rug', () => {
  it('finds the nearest neuron, and holds all of them', () => {
    expect(nearest([3, -1, 0.5], 0.4)).toBe(2);
    expect(nearest([], 0)).toBe(-1);
    const [low, high] = extent([5, -7, 2]);
    expect(low).toBeLessThan(-7);
    expect(high).toBeGreaterThan(5);
  });
});
