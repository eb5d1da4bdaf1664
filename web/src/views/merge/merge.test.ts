import { describe, expect, it } from 'vitest';
import { tilesOf } from './merged';

describe('the projection made small', () => {
  it.each([
    [6, 96],
    [12, 96],
    [25, 75],
    [100, 100],
  ])('gives each of %d heads as many tiles as the others: %d', (heads, tiles) => {
    expect(tilesOf(heads)).toBe(tiles);
  });
});
