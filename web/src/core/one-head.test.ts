import { describe, expect, it } from 'vitest';
import { blend, faded, farthest, products, shownKeys, usual, vectorAt } from './one-head';

const KEYS = Float32Array.of(1, 2, 3, 4, 5, 6);

describe('a head taken apart', () => {
  it('multiplies entry by entry, and the sum is the dot product', () => {
    const found = products(Float32Array.of(2, -1), vectorAt(KEYS, 1, 2));
    expect([...found]).toEqual([6, -4]);
  });

  it('lays values over each other by their weights', () => {
    const mixed = blend(Float32Array.of(0.5, 0.25, 0.25), KEYS, 2);
    expect([...mixed]).toEqual([2.5, 3.5]);
    expect(farthest(mixed, Float32Array.of(2.5, 3))).toBe(0.5);
  });

  it('shows the heaviest, the word itself and the one chosen, in the order of the text', () => {
    const weights = Float32Array.of(0.125, 0.5, 0, 0.25, 0.125);
    expect(shownKeys(weights, [4], 3)).toEqual({ keys: [1, 3, 4], others: 2, rest: 0.125 });
    expect(shownKeys(weights, [4, 2], 2)).toEqual({ keys: [2, 4], others: 3, rest: 0.875 });
    expect(shownKeys(weights, [4, 4, 9, -1], 9).keys).toEqual([0, 1, 2, 3, 4]);
  });

  it('is coloured by what is usual, not by outliers', () => {
    expect(usual(Float32Array.from({ length: 101 }, (_, i) => (i === 100 ? -1e6 : i)))).toBe(97);
    expect(usual(Float32Array.of(0, 0))).toBe(1);
  });

  it('fades by weight, never to nothing', () => {
    expect(faded(1)).toBe(1);
    expect(faded(0)).toBeCloseTo(0.1);
    expect(faded(0.25)).toBe(0.5);
    expect(faded(0, 0)).toBe(1);
  });
});
