import { describe, expect, it } from 'vitest';
import { choiceOf, lastRows, onWay, query, ring, sees, stageOf } from './loop';

describe('the choice', () => {
  it('survives the address', () => {
    expect(choiceOf(stageOf({ greedy: false, seed: 42 }))).toEqual({ greedy: false, seed: 42 });
    expect(choiceOf('')).toEqual({ greedy: true });
    expect(choiceOf('seed-x')).toEqual({ greedy: true });
    expect(query({ greedy: true })).toEqual({ temperature: 0 });
    expect(query({ greedy: false, seed: 7 })).toEqual({ seed: 7 });
  });
});

describe('the way back', () => {
  it('starts at the output and ends behind the newest token, inside the page', () => {
    for (const width of [340, 900]) {
      for (const current of [0, 3, 200]) {
        const r = ring(width, current, 6);
        expect(r.tracks.at(-1)!.i).toBe(current);
        expect(onWay(r, 0)).toEqual(r.from);
        expect(onWay(r, 1)).toEqual(r.to);
        expect(r.to.x + r.column / 2).toBeLessThanOrEqual(width);
        expect(r.tracks[0]!.x).toBeGreaterThan(0);
      }
    }
  });
});

describe('who sees whom', () => {
  it('differs above the diagonal and nowhere else', () => {
    for (let q = 0; q < 5; q++)
      for (let k = 0; k < 5; k++) {
        expect(sees(q, k, true)).toBe(true);
        expect(sees(q, k, false)).toBe(k <= q);
      }
  });

  it('shows the last steps', () => {
    expect(lastRows(3, 8)).toEqual([0, 1, 2, 3]);
    expect(lastRows(12, 3)).toEqual([10, 11, 12]);
  });
});
