import { describe, expect, it } from 'vitest';
import { bytes, count, exact, onAxis, percent, score, short, signed, tiny } from './numbers';

describe('numbers', () => {
  it.each([
    [0.3125, '31.3%'],
    [0.0041, '0.41%'],
    [0.000412, '0.041%'],
    [0.00000001, '<0.001%'],
    [0.9999, '>99.9%'],
    [1, '100%'],
    [0, '0%'],
  ])('writes the probability %d as %s', (p, text) => expect(percent(p)).toBe(text));

  it.each([0.1, -1.2345678, 3.4028235e38, 1e-45, 16777216, 1 / 3])(
    'writes %d with digits that read back as the same float32',
    (value) => {
      const text = exact(value).replaceAll('\u2212', '-');
      expect(Math.fround(Number(text))).toBe(Math.fround(value));
    },
  );

  it('has no more digits than it needs, and says what is not finite', () => {
    expect(exact(Math.fround(0.1))).toBe('0.1');
    expect([exact(-Infinity), exact(NaN), score(-Infinity)]).toEqual([
      '\u2212\u221e',
      'NaN',
      '\u2212\u221e',
    ]);
  });

  it('has no minus before a zero, and a sign before what is added', () => {
    expect([score(-0.001), score(-0.006), score(-0)]).toEqual(['0.00', '\u22120.01', '0.00']);
    expect([signed(0.0504), signed(-0.1), signed(-0.0001)]).toEqual([
      '+0.050',
      '\u22120.100',
      '0.000',
    ]);
  });

  it('writes what is tiny with its power of ten', () => {
    expect([exact(5.722046e-6), exact(0.5), exact(0), exact(-1e-4)]).toEqual([
      '5.722046e\u22126',
      '0.5',
      '0',
      '\u22121e\u22124',
    ]);
  });

  it('writes a rounding error in two digits', () => {
    expect([1.0728836e-6, 0, 2.34e-10].map(tiny)).toEqual(['1.1e\u22126', '0', '2.3e\u221210']);
  });

  it('drops decimals beside an axis', () => {
    expect([0, 5e9, 1.5e7, 2e10].map(onAxis(short))).toEqual(['0', '5 B', '15 M', '20 B']);
    expect([100000, 1.28e6].map(onAxis(bytes))).toEqual(['100 KB', '1.28 MB']);
  });

  it('groups, shortens and measures', () => {
    expect(count(124439808)).toBe('124,439,808');
    expect([short(14186496), short(1557611200)]).toEqual(['14.2 M', '1.56 B']);
    expect([bytes(28400000), bytes(6230444800)]).toEqual(['28.4 MB', '6.23 GB']);
    expect(score(-3.14159)).toBe('\u22123.14');
  });
});
