import { describe, expect, it } from 'vitest';
import { place, tower, towersOf } from './towers';

describe('a tower', () => {
  it('follows from its configuration', () => {
    const config = { n_layer: 12, n_embd: 768, n_head: 12, n_ctx: 1024, vocab_size: 50257 };
    expect(tower('small', 'GPT-2 small', config)).toMatchObject({
      head_dim: 64,
      n_inner: 3072,
      n_parameters: 124_439_808,
      float32: 497_759_232,
      cache: 73_728,
      cacheFull: 75_497_472,
    });
  });
});

describe('the drawing', () => {
  it('keeps widths on one scale, inside the page, and no two towers on one place', () => {
    for (const width of [340, 900, 1400]) {
      const placed = place(towersOf(null), width, { least: 50, gap: 10, rise: 7 });
      const scale = placed[0]!.width / placed[0]!.n_embd;
      for (const one of placed) expect(one.width / one.n_embd).toBeCloseTo(scale, 9);
      placed.slice(1).forEach((one, i) => {
        const before = placed[i]!;
        expect(one.left).toBeGreaterThanOrEqual(before.left + before.width);
      });
      const last = placed.at(-1)!;
      expect(last.x + last.column).toBeLessThanOrEqual(width + 1e-6);
    }
  });

  it('stands all towers on one ground', () => {
    const placed = place(towersOf(null), 900, { least: 50, gap: 10, rise: 7 });
    expect(new Set(placed.map(({ blocks }) => blocks[0])).size).toBe(1);
    expect(placed.map(({ blocks }) => blocks.length)).toEqual([12, 24, 36, 48]);
  });
});
