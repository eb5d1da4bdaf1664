import { describe, expect, it } from 'vitest';
import type { Frame } from '../../core/frames';
import {
  asNumber,
  check,
  choiceOf,
  extentOf,
  readLab,
  rowsAround,
  short,
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
    expect(check(readLab(FRAMES))).toEqual({ farthest: 1, hidden: 1, leaking: 0 });
    const open = frame('pattern', [
      [0.9, 0.05],
      [0.75, 0.25],
    ]);
    const { farthest, leaking } = check(readLab([...FRAMES.slice(0, 3), open]));
    expect(farthest).toBeCloseTo(0.95);
    expect(leaking).toBe(1);
    const lost = frame('pattern', [
      [NaN, NaN],
      [0.75, 0.25],
    ]);
    expect(check(readLab([...FRAMES.slice(0, 3), lost])).farthest).toBeNaN();
  });

  it('is coloured by what may be seen', () => {
    expect(extentOf(FRAMES[0]!, 0)).toBe(3);
    expect(extentOf(FRAMES[2]!, 0)).toBe(1.5);
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
