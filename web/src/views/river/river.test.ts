import { describe, expect, it } from 'vitest';
import type { RiverStep } from '../../api/types';
import { shade, siteOf, windowOf } from './lens';
import { scaleOf, shape } from './shape';

const step = (part: string, norm: number, part_norm: number, part_cosine: number | null) =>
  ({ site: part, norm, cosine: 1, part, part_norm, part_cosine, push: 0 }) satisfies RiverStep;

const STEPS = [
  step('wte', 2, 2, null),
  step('wpe', 2.5, 1, 0),
  step('h.0.attn_out', 4, 2, 0.5),
  step('h.0.mlp_out', 3, 1, -1),
];

describe('the river', () => {
  const drawn = shape(STEPS, 300, 40);
  const scale = scaleOf(STEPS, 300, 40);

  it('draws all lengths on one scale', () => {
    expect(drawn.inflows.map(({ width }) => width)).toEqual([1, 2, 1].map((n) => n * scale));
    expect(scale * 4).toBeLessThanOrEqual(100);
  });

  it('draws the real angles: across, from below, from above', () => {
    const cosines = drawn.inflows.map(({ from, to }) => {
      const sideways = Math.abs(from[0] - to[0]);
      return { up: to[1] - from[1], sideways };
    });
    expect(cosines[0]!.up).toBeCloseTo(0);
    expect(cosines[1]!.up).toBeLessThan(0);
    expect(cosines[2]!.up).toBeGreaterThan(0);
    expect(cosines[2]!.sideways).toBeLessThan(cosines[0]!.sideways);
  });

  it('lets attention in from the left and the MLP from the right, inside the drawing', () => {
    const [, attention, mlp] = drawn.inflows;
    expect(attention!.from[0]).toBeLessThan(150);
    expect(mlp!.from[0]).toBeGreaterThan(150);
    expect(drawn.inflows.every(({ from }) => from[0] >= 0 && from[0] <= 300)).toBe(true);
  });

  it('has one row for each part, the first at the bottom', () => {
    expect(drawn.height).toBe(160);
    expect(drawn.levels).toEqual([140, 100, 60, 20]);
  });
});

describe('the lens', () => {
  it('knows what a site stands behind', () => {
    expect(siteOf('h.0.resid_pre')).toEqual({ layer: 0, kind: 'embedding' });
    expect(siteOf('h.3.resid_mid')).toEqual({ layer: 3, kind: 'attention' });
    expect(siteOf('h.11.resid_post')).toEqual({ layer: 11, kind: 'mlp' });
  });

  it('shows as many positions as fit, the chosen one among them', () => {
    expect(windowOf(0, 1024, 8)).toEqual([0, 8]);
    expect(windowOf(1023, 1024, 8)).toEqual([1016, 1024]);
    expect(windowOf(2, 3, 8)).toEqual([0, 3]);
    const [a, b] = windowOf(500, 1024, 8);
    expect(a <= 500 && 500 < b && b - a === 8).toBe(true);
  });

  it('is darker where the word is likelier or ranks better', () => {
    expect(shade('best', { prob: 0, rank: 1, size: 100 })).toBe(0);
    expect(shade('best', { prob: 1, rank: 1, size: 100 })).toBe(1);
    expect(shade('rank', { prob: 0, rank: 1, size: 100 })).toBe(1);
    expect(shade('rank', { prob: 0, rank: 100, size: 100 })).toBeCloseTo(0);
    expect(shade('rank', { prob: 0, rank: 10, size: 100 })).toBeCloseTo(0.5);
  });
});
