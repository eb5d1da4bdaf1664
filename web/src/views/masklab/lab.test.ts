import { describe, expect, it } from 'vitest';
import type { Frame } from '../../core/frames';
import {
  asNumber,
  choiceOf,
  exactRow,
  extentOf,
  readLab,
  rowsAround,
  short,
  spanOf,
  STAGES,
  stageOf,
} from './lab';

function frame(name: string, rows: number[][], more: object = {}): Frame {
  const header = {
    name,
    shape: [rows.length, rows[0]!.length],
    dtype: 'f4' as const,
    layout: 'dense' as const,
    code: 'linear' as const,
    nan: 0,
    posinf: 0,
    neginf: 0,
    mask_value: '-inf',
    start: 0,
    farthest: '1.0',
    future: 1,
    leaking: 0,
    ...more,
  };
  return { header, data: Float32Array.from(rows.flat()) };
}

const FRAMES = [
  frame('qk', [
    [2, 9],
    [1, -3],
  ]),
  frame('scaled', [
    [1, 4],
    [0.5, -1.5],
  ]),
  frame(
    'masked',
    [
      [1, -Infinity],
      [0.5, -1.5],
    ],
    { neginf: 1 },
  ),
  frame('pattern', [
    [1, 0],
    [0.75, 0.25],
  ]),
];

describe('a link to the laboratory', () => {
  it('says mask and dtype', () => {
    for (const stage of STAGES) {
      const { mask, dtype } = choiceOf(stage);
      expect(stageOf(mask, dtype)).toBe(stage);
    }
    expect(new Set(STAGES).size).toBe(10);
    expect(choiceOf('')).toEqual({ mask: '-inf', dtype: 'f4' });
  });
});

describe('what the frames say', () => {
  it('is told by stage, infinities and all', () => {
    const lab = readLab(FRAMES);
    expect(lab.value).toBe(-Infinity);
    expect(lab.lost).toBeNull();
    expect(lab.odd.masked).toEqual({ nan: 0, posinf: 0, neginf: 1 });
    expect(asNumber('-65504.0')).toBe(-65504);
  });

  it('keeps the promise of a mask, or not', () => {
    expect(readLab(FRAMES).checks).toEqual({ farthest: 1, hidden: 1, leaking: 0 });
    const lost = [frame('qk', [[1]], { farthest: 'nan', leaking: 1 }), ...FRAMES.slice(1)];
    expect(readLab(lost).checks).toEqual({ farthest: NaN, hidden: 1, leaking: 1 });
  });

  it('has the end of its colours from the server', () => {
    expect(extentOf(frame('qk', [[1]], { scale: 7.5 }))).toBe(7.5);
    expect(extentOf(frame('pattern', [[1]], { scale: null }))).toBe(1);
  });

  it('has exact rows only where they came', () => {
    const later = FRAMES.map((one) => ({ ...one, header: { ...one.header, start: 4 } }));
    const lab = readLab(later);
    expect(exactRow(lab, 'pattern', 5)).toEqual(Float32Array.of(0.75, 0.25));
    expect(exactRow(lab, 'masked', 4)).toEqual(Float32Array.of(1, -Infinity));
    expect([3, 6].map((q) => exactRow(lab, 'qk', q))).toEqual([null, null]);
    expect(exactRow(null, 'qk', 0)).toBeNull();
  });

  it('is asked for around a position, which the rows of a closer look surround', () => {
    expect(spanOf(3, 20)).toEqual({ start: 0, end: 20 });
    expect(spanOf(0, 1024)).toEqual({ start: 0, end: 32 });
    expect(spanOf(1023, 1024)).toEqual({ start: 992, end: 1024 });
    for (let q = 12; q < 1012; q++) {
      const { start, end } = spanOf(q, 1024);
      expect(end - start).toBe(32);
      expect(start).toBeLessThanOrEqual(q - 12);
      expect(end).toBeGreaterThan(q + 12);
    }
  });

  it('has numbers short enough for a cell', () => {
    expect([0, 0.123, -12.34, -65504, -1e10, -Infinity, NaN].map(short)).toEqual([
      '0',
      '0.12',
      '−12.3',
      '−65504',
      '−1e10',
      '−∞',
      'NaN',
    ]);
  });

  it('is asked for in parts where the text is long', () => {
    expect(rowsAround(3, 1024)).toBeUndefined();
    expect(rowsAround(2047, 2048)).toBe('1536:2048');
    expect(rowsAround(0, 2048)).toBe('0:512');
  });
});
