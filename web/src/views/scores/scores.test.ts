import { describe, expect, it } from 'vitest';
import { cut, draw, ranked, segments, softmax } from './sampler';
import { search, texts } from './search';
import { along, columns, placeAt, ranks } from './skyline';
import { packSettings, unpackSettings } from '../../core/place';
import { choiceOf, keep, OPENS } from './address';

const logits = Float64Array.from([1, 3, 2, 3, -1, 0.5]);
const order = ranked(logits);
const any = { temperature: 1, top_k: 0, top_p: 1 };

describe('the filters', () => {
  it('rank the best first, of equal ones the first', () => {
    expect([...order]).toEqual([1, 3, 2, 0, 5, 4]);
    expect([...ranks(order)]).toEqual([3, 0, 2, 1, 5, 4]);
  });

  it('leave the softmax alone where they are off', () => {
    const { share, full, kept, mass } = cut(logits, order, any);
    expect(share).toEqual(full);
    expect(kept).toBe(6);
    expect(mass).toBeCloseTo(1, 12);
    expect(softmax(Float64Array.from([1000, 1000]))).toEqual(Float64Array.from([0.5, 0.5]));
  });

  it('keep all that tie with the k-th', () => {
    expect(cut(logits, order, { ...any, top_k: 1 }).kept).toBe(2);
    expect(cut(logits, order, { ...any, top_k: 3 }).kept).toBe(3);
    expect(cut(logits, order, { ...any, top_k: 40 }).kept).toBe(6);
  });

  it('keep the token whose mass crosses p, and always one', () => {
    const p = softmax(logits)[1]!;
    expect(cut(logits, order, { ...any, top_p: 2 * p }).kept).toBe(2);
    expect(cut(logits, order, { ...any, top_p: 2 * p + 1e-9 }).kept).toBe(3);
    expect(cut(logits, order, { ...any, top_p: 1e-9 }).kept).toBe(1);
  });

  it('cut by top-p what top-k has left, heated', () => {
    const { share, kept } = cut(logits, order, { temperature: 0.5, top_k: 3, top_p: 0.9 });
    expect(kept).toBe(2);
    expect(share[1]).toBeCloseTo(0.5, 12);
  });

  it('take the best at temperature 0, and overflow at none', () => {
    expect(cut(logits, order, { ...any, temperature: 0 }).share[1]).toBe(1);
    const tiny = cut(logits, order, { ...any, temperature: 1e-300 });
    expect([tiny.share[1], tiny.share[3], tiny.share[2]]).toEqual([0.5, 0.5, 0]);
  });
});

describe('the dice', () => {
  const half = cut(logits, order, { ...any, top_k: 2 });

  it('fall on the token that holds u, in the order of ids', () => {
    expect(draw(half, 0)).toEqual({ id: 1, low: 0, high: 0.5 });
    expect(draw(half, 0.5)).toEqual({ id: 3, low: 0.5, high: 1 });
    expect(draw(half, 1 - 2 ** -52).id).toBe(3);
  });

  it('are drawn as a bar of all that is kept', () => {
    expect(segments(half, 0.01).map(({ id }) => id)).toEqual([1, 3]);
    const joined = segments(cut(logits, order, any), 0.2);
    expect(joined.map(({ id }) => id)).toEqual([-1, 1, -1, 3, -1]);
    expect(joined.at(-1)!.high).toBeCloseTo(1, 12);
  });
});

describe('the search', () => {
  const all = texts(['4c6f6e646f6e', '204c6f6e646f6e', '206c6f6e67', 'e6', '', '4c6f']);

  it('puts the word first, with a blank or without', () => {
    expect(search(all, 'London', 5)).toEqual([0, 1]);
    expect(search(all, 'lo', 5)).toEqual([5, 2, 0, 1]);
    expect(search(all, 'o', 2)).toHaveLength(2);
  });

  it('takes ids, and gives nothing for what is not there', () => {
    expect(search(all, '#3', 5)).toEqual([3]);
    expect(search(all, '#9', 5)).toEqual([]);
    expect(search(all, '', 5)).toEqual([]);
  });
});

describe('the skyline', () => {
  it('holds every token in one column', () => {
    const share = Float64Array.from([0, 1, 0, 0, 0, 0]);
    const found = columns(logits, share, (place) => place, { width: 3, ranked: false });
    expect(found.map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [2, 4],
      [4, 6],
    ]);
    expect(found[0]).toMatchObject({ low: 1, high: 3, kept: true });
    expect(found[1]!.kept).toBe(false);
    const wide = columns(logits, share, (place) => order[place]!, { width: 90, ranked: true });
    expect(wide[0]).toMatchObject({ from: 0, to: 1, kept: true });
    expect(wide.at(-1)!.to).toBe(6);
    for (const place of [0, 3, 5]) expect(placeAt(along(place, 6, true), 6, true)).toBe(place);
    expect(columns(logits, share, (place) => place, { width: 900, ranked: false })).toHaveLength(6);
  });
});

describe('a link to a choice', () => {
  const mine = { temperature: 0.35, top_k: 0, top_p: 0.8, seed: 2 ** 53 - 1 };

  it('keeps it, beside other settings, in plain letters', () => {
    const kept = keep({ find: 'x' }, mine);
    expect(choiceOf(unpackSettings(packSettings(kept)))).toEqual(mine);
    expect(kept).toMatchObject({ find: 'x', t: '35', k: '0', p: '80' });
    expect(keep(kept, OPENS)).toEqual({ find: 'x' });
  });

  it('takes nothing that cannot be', () => {
    const odd = { t: '900', p: '0', k: 'many', seed: '-1' };
    expect(choiceOf(odd)).toEqual({ ...OPENS, temperature: 2, top_p: 0.01 });
  });
});
