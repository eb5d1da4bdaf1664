import { describe, expect, it } from 'vitest';
import { geometry, heightAt, progress } from './geometry';
import { findLoop } from '../../core/repeats';
import { meanOverHeads, shareBefore } from './reads';

describe('a loop', () => {
  it('is named by its shortest phrase', () => {
    expect(findLoop([9, 1, 2, 1, 2, 1, 2])).toEqual({ start: 1, period: 2, times: 3 });
    expect(findLoop([5, 5, 5, 5])).toEqual({ start: 0, period: 1, times: 4 });
    expect(findLoop([7, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1])).toEqual({ start: 2, period: 3, times: 3 });
  });

  it('takes two times of a long phrase, three of a short one', () => {
    const phrase = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    expect(findLoop([0, ...phrase, ...phrase])).toEqual({ start: 1, period: 9, times: 2 });
    expect(findLoop([0, 1, 2, 3, 1, 2, 3])).toBeNull();
  });

  it('is over with the first other word', () => {
    expect(findLoop([1, 2, 1, 2, 1, 2, 3])).toBeNull();
    expect(findLoop([])).toBeNull();
  });
});

describe('the drawing', () => {
  it('has the current track in it, whatever the width and the text', () => {
    for (const width of [360, 900]) {
      for (const [n, current] of [
        [1, 0],
        [5, 4],
        [1024, 0],
        [1024, 500],
        [1024, 1023],
      ] as const) {
        const { tracks, earlier } = geometry(width, 12, n, current);
        expect(tracks.map(({ i }) => i)).toContain(current);
        expect(tracks[0]!.i).toBe(earlier);
        expect(tracks.at(-1)!.x).toBeLessThan(width);
      }
    }
  });

  it('climbs from the token to the top, block by block', () => {
    const g = geometry(900, 6, 5, 4);
    expect([heightAt(0, g), heightAt(1, g)]).toEqual([g.bottom, g.top]);
    expect(progress(0, 0, 6)).toBe(0);
    expect(progress(1, 5, 6)).toBe(1);
    expect(progress(0.5, 0, 6)).toBe(1);
    expect(progress(0.5, 5, 6)).toBe(0);
    expect(g.blocks[0]!.y).toBeGreaterThan(g.blocks[5]!.y);
  });
});

describe('attention', () => {
  it('is the mean of the heads, and what lies outside the drawing is summed', () => {
    const header = {
      name: 'p',
      shape: [2, 1, 4],
      dtype: 'f4',
      layout: 'dense',
      code: 'linear',
    } as const;
    const data = Float32Array.of(0.5, 0.25, 0.25, 0, 0.25, 0.75, 0, 0);
    const mean = meanOverHeads({ header: { ...header, shape: [2, 1, 4] }, data }, 2);
    expect([...mean]).toEqual([0.375, 0.5, 0.125]);
    expect(shareBefore({ run: 'r', q: 2, layers: [mean, Float32Array.of(1, 0, 0)] }, 1)).toBe(
      0.6875,
    );
  });
});
