import { describe, expect, it } from 'vitest';
import { heightOf, hit, madeAt, placeOf, whichOf } from './fold';

const shape = { d: 20, heads: 5, width: 600 };

describe('the fold', () => {
  it('knows part, head and place of each number', () => {
    expect(whichOf(0, shape)).toEqual({ part: 0, head: 0, i: 0 });
    expect(whichOf(27, shape)).toEqual({ part: 1, head: 1, i: 3 });
    expect(whichOf(59, shape)).toEqual({ part: 2, head: 4, i: 3 });
  });

  it('begins as one line and ends with no two numbers in one place', () => {
    for (const t of [0, 0.68, 1]) {
      const seen = new Set<string>();
      for (let j = 0; j < 60; j++) {
        const { x, y, w, h } = placeOf(j, shape, t);
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x + w).toBeLessThanOrEqual(600.001);
        expect(y + h).toBeLessThanOrEqual(heightOf(shape));
        seen.add(`${x.toFixed(2)},${y.toFixed(2)}`);
      }
      expect(seen.size).toBe(60);
    }
    expect(new Set([0, 30, 59].map((j) => placeOf(j, shape, 0).y)).size).toBe(1);
  });

  it('finds the number under a point, at any moment', () => {
    for (const t of [0, 0.5, 1])
      for (const j of [0, 13, 45, 59]) {
        const { x, y, w, h } = placeOf(j, shape, t);
        const found = hit(x + w / 2, y + h / 2, 60, shape, t);
        expect(found).not.toBeNull();
        if (t !== 0.5) expect(found).toBe(j);
      }
    expect(hit(-5, 0, 60, shape, 1)).toBeNull();
  });

  it('has made all before it cuts', () => {
    expect([madeAt(0), madeAt(0.4), madeAt(1)]).toEqual([0, 1, 1]);
  });
});
