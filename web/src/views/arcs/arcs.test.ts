import { describe, expect, it } from 'vitest';
import type { HeadScores } from '../../api/types';
import type { Frame } from '../../core/frames';
import { arcsOf, meanOf, ranked, reading, split } from './rows';

const frame: Frame = {
  header: {
    name: 'h.0.attn.pattern',
    shape: [2, 1, 4],
    dtype: 'f4',
    layout: 'dense',
    code: 'linear',
  },
  data: Float32Array.from([0.5, 0.25, 0.25, 0, 0.125, 0.75, 0.125, 0]),
};

describe('the rows of the heads', () => {
  it('end where the mask does', () => {
    expect(split(frame, 3).map((row) => [...row])).toEqual([
      [0.5, 0.25, 0.25],
      [0.125, 0.75, 0.125],
    ]);
  });

  it('are averaged key by key', () => {
    expect([...meanOf(split(frame, 3))]).toEqual([0.3125, 0.5, 0.1875]);
  });
});

describe('a row read aloud', () => {
  it('names the strongest and sums up the others, so that all is told', () => {
    const { shown, others, rest } = reading([0.3, 0.5, 0.005, 0.19, 0.005]);
    expect(shown.map(({ k }) => k)).toEqual([1, 0, 3]);
    expect(others).toBe(2);
    expect(shown.reduce((sum, { weight }) => sum + weight, 0) + rest).toBeCloseTo(1);
  });

  it('always names one, however little that has', () => {
    const even = new Float32Array(1000).fill(0.001);
    expect(reading(even).shown).toHaveLength(1);
    expect(reading(even).others).toBe(999);
  });
});

describe('arcs', () => {
  const boxes = [0, 1, 2].map((i) => ({ left: 100 * i, top: 20, width: 50, height: 20 }));
  const rows = split(frame, 3);

  it('lead from the word that reads to every other, for the heads that are shown', () => {
    const arcs = arcsOf(rows, { q: 2, heads: [1], boxes }, (head) => `colour ${head}`);
    expect(arcs.map(({ key, weight }) => [key, weight])).toEqual([
      ['1.0', 0.125],
      ['1.1', 0.75],
      ['1.2', 0.125],
    ]);
    expect(arcs.every(({ from }) => from.x >= 200 && from.x <= 250)).toBe(true);
    expect(arcs[2]!.from.x).not.toBe(arcs[2]!.to.x);
  });

  it('are none before the text has been laid out', () => {
    expect(arcsOf(rows, { q: 2, heads: [0, 1], boxes: [] }, String)).toEqual([]);
  });
});

describe('all heads by what they do', () => {
  const scores = {
    weight: [
      [0.1, 0.9],
      [0.9, 0.2],
    ],
    previous: null,
  } as unknown as HeadScores;

  it('come strongest first, lower blocks before higher ones', () => {
    expect(ranked(scores, 'weight').map(({ layer, head }) => `${layer}.${head}`)).toEqual([
      '0.1',
      '1.0',
      '1.1',
      '0.0',
    ]);
  });

  it('are none where the text cannot show it', () => {
    expect(ranked(scores, 'previous')).toEqual([]);
  });
});
