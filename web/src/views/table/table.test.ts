import { describe, expect, it } from 'vitest';
import type { Parameters } from '../../api/types';
import { corner, spans } from './pooled';
import { cards } from '../../core/released';
import { nameAt, rowsOf, segments, STAGES, total } from './rows';

const matrices = [
  { name: 'wte.weight', shape: [10, 4], parameters: 40, copies: 1 },
  { name: 'h.*.ln_1.weight', shape: [4], parameters: 4, copies: 3 },
  { name: 'h.*.attn.c_attn.weight', shape: [4, 12], parameters: 48, copies: 3 },
  { name: 'h.*.mlp.c_fc.weight', shape: [4, 16], parameters: 64, copies: 3 },
  { name: 'ln_f.bias', shape: [4], parameters: 4, copies: 1 },
];
const found = { matrices, total: 40 + 3 * (4 + 48 + 64) + 4 } as unknown as Parameters;

describe('the rows', () => {
  const rows = rowsOf(found, 4);

  it('add up to the total, each matrix of a block as often as there are blocks', () => {
    expect(total(rows)).toBe(found.total);
    expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(rows[2]).toMatchObject({ all: 144, bytes: 576, group: 'block', part: 'attention' });
  });

  it('fall into four parts that are all of it', () => {
    const parts = segments(rows);
    expect(parts.map(({ all }) => all)).toEqual([40, 144, 192, 16]);
    expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });
});

describe('a place in the address', () => {
  it('names one parameter of one block', () => {
    expect(nameAt('h-attn-c_attn-weight', 3)).toBe('h.3.attn.c_attn.weight');
    expect(nameAt('ln_f-bias', 3)).toBe('ln_f.bias');
    expect(nameAt('nonsense', 3)).toBe('wte.weight');
    for (const stage of STAGES) expect(stage).toMatch(/^[\w-]+$/);
  });
});

describe('the card', () => {
  it('counts the released sizes', () => {
    expect(cards().map(({ counted }) => counted)).toEqual([
      124_439_808, 354_823_168, 774_030_080, 1_557_611_200,
    ]);
    expect(cards()[0]!.difference).toBe(7_439_808);
  });
});

describe('the cells of the picture', () => {
  it('say which weights they cover', () => {
    expect(spans([0, 3, 4, 10])).toEqual(['0–2', '3', '4–9']);
    expect(corner([0, 3, 20], 0)).toEqual({ start: 0, end: 3 });
    expect(corner([0, 3, 20], 1)).toEqual({ start: 3, end: 11 });
  });
});
