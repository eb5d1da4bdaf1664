import { describe, expect, it } from 'vitest';
import { nodesOf, partsAfter, textOf, type Word } from './merges';
import { farthest, histogram, moments, normalised, places } from './norm';

const LOW: Word = {
  text: 'low',
  bytes: '6c6f77',
  start: 0,
  end: 3,
  steps: [
    { id: 300, start: 1, left: '6f', right: '77' },
    { id: 400, start: 0, left: '6c', right: '6f77' },
  ],
  ids: [400],
};

describe('merges', () => {
  const nodes = nodesOf(LOW);

  it('join neighbours, from bytes to tokens, in their order', () => {
    expect([0, 1, 2].map((n) => partsAfter(nodes, n).map(({ bytes }) => bytes))).toEqual([
      ['6c', '6f', '77'],
      ['6c', '6f77'],
      ['6c6f77'],
    ]);
  });

  it('stand above what they were made of', () => {
    expect(nodes.map(({ level }) => level)).toEqual([0, 0, 0, 1, 2]);
    expect(nodes.at(-1)).toMatchObject({ start: 0, end: 3, id: 400, step: 2 });
  });

  it('are true to the bytes of a text that ends inside a character', () => {
    const robot = new TextEncoder().encode('a 机');
    expect(textOf(robot)).toBe('a 机');
    expect(textOf(robot.subarray(0, -1))).toBe('a ');
    expect(textOf(Uint8Array.from([0xe6, 0x41, 0x41, 0x41, 0x41, 0x41]))).toBeNull();
  });
});

describe('layer norm', () => {
  const x = [1, 2, 3, 6];

  it('takes off the mean and divides by the deviation', () => {
    expect(moments(x)).toEqual({ mean: 3, variance: 3.5, min: 1, max: 6 });
    const out = normalised(x, { gain: [1, 1, 1, 1], bias: [0, 0, 0, 0], epsilon: 0 });
    expect(moments(out).mean).toBeCloseTo(0);
    expect(moments(out).variance).toBeCloseTo(1);
  });

  it('then has a gain and a bias for each number', () => {
    const out = normalised(x, { gain: [1, 1, 2, 1], bias: [0, 0, 5, 0], epsilon: 0 });
    expect(out[2]).toBe(5);
    expect(farthest(out, [...out].fill(6, 2, 3))).toBe(1);
  });

  it('knows its taps', () => {
    expect(places('ln_2', 1, 6)).toMatchObject({ before: 'h.1.resid_mid', after: 'h.1.ln_2' });
    expect(places('ln_f', 1, 6)).toMatchObject({ before: 'h.5.resid_post', after: 'ln_f' });
  });

  it('is counted whole, the largest value in the last bin', () => {
    expect(histogram(x, 1, 6, 5)).toEqual([1, 1, 1, 0, 1]);
    expect(histogram([2, 2], 2, 2, 3)).toEqual([2, 0, 0]);
  });
});
