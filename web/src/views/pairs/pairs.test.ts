import { describe, expect, it } from 'vitest';
import { reach, rowOf, seen, sumsOf, targetStart } from './format';

const token = (id: number) => ({ id, text: `${id}`, bytes: '' });
const row = (loss: 'target' | 'both') =>
  rowOf([token(1), token(2)], token(9), [token(3)], token(0), loss);

describe('a pair as a row', () => {
  it('has its source, its marker, its target and an end', () => {
    expect(row('target').map(({ side }) => side)).toEqual([
      'source',
      'source',
      'marker',
      'target',
      'end',
    ]);
  });

  it('is learned from the target on, or from its second token', () => {
    expect(row('target').map(({ counts }) => counts)).toEqual([false, false, false, true, true]);
    expect(row('both').map(({ counts }) => counts)).toEqual([false, true, true, true, true]);
  });

  it('is seen up to each token, or the prefix whole', () => {
    expect(reach(5, 3, 'causal')).toEqual([1, 2, 3, 4, 5]);
    expect(reach(5, 3, 'prefix')).toEqual([3, 3, 3, 4, 5]);
    expect(seen(2, 3, 'causal')).toBe(3);
  });
});

describe('a translation', () => {
  it('begins behind its marker', () => {
    expect(targetStart([1, 9, 2, 9, 3], 9)).toBe(4);
    expect(targetStart([1, 9], 9)).toBe(2);
    expect(targetStart([1], 9)).toBeNull();
  });

  it('looks at source, marker and itself', () => {
    const sums = sumsOf([0.1, 0.2, 0.3, 0.4], 3);
    expect(sums.source).toBeCloseTo(0.3);
    expect(sums.marker).toBeCloseTo(0.3);
    expect(sums.target).toBeCloseTo(0.4);
  });
});
