import { describe, expect, it } from 'vitest';
import { fromHash, NO_EDITS, packIds, START, toHash, unpackIds, type Place } from './place';

const FULL: Place = {
  view: 'one-head',
  model: 'my models/gpt2 (2)',
  fingerprint: '49dcf47000',
  ids: [464, 9379, 1276, 50256, 0],
  edits: {
    heads_off: [[3, 1]],
    neurons_off: [[2, 3071]],
    causal: false,
    patches: [{ layer: 1, head: 2, run: 'ab12' }],
  },
  step: 4,
  layer: 3,
  head: 11,
  q: 2,
  k: 0,
  stage: 'softmax',
  settings: { word: '345', by: 'push' },
  compare: { model: 'my models/gpt2 (2)', ids: [70000, 1], edits: NO_EDITS },
};

describe('the hash', () => {
  it('brings back every field', () => {
    expect({ ...START, ...fromHash(toHash(FULL)) }).toEqual(FULL);
  });

  it('says nothing of what is as always', () => {
    expect(toHash({ ...START, model: 'pocket' })).toBe('#v=keyboard&m=pocket');
  });

  it.each(['', '#', '#t=s%%%&q=x&s=-1&v=<b>', '#t=sAA&m=', '#c=~~&e=zz,h1', '#t=q!&l=1e9'])(
    'takes nothing from %s',
    (hash) => {
      const place = { ...START, ...fromHash(hash) };
      expect(place.ids).toEqual([]);
      expect([place.step, place.q, place.compare]).toEqual([null, null, null]);
      expect(place.view).toBe('keyboard');
      expect(place.edits).toEqual(NO_EDITS);
    },
  );

  it('has settings in one order, and takes none that are not plain', () => {
    const hash = toHash({ ...START, settings: { neuron: '12', by: 'push' } });
    expect(decodeURIComponent(hash)).toContain('o=by.push,neuron.12');
    expect(fromHash('#o=a.1,B.2,c,d.<b>,.x,e.2-3').settings).toEqual({ a: '1', e: '2-3' });
  });

  it('survives what mail programs do to a plus', () => {
    expect(fromHash('#m=a+b').model).toBe('a+b');
  });
});

describe('ids', () => {
  it('take two bytes each where they can, four where they must', () => {
    expect(packIds([1, 65535])).toBe('sAQD__w');
    expect(unpackIds(packIds([1, 65535]))).toEqual([1, 65535]);
    expect(packIds([65536])[0]).toBe('l');
    expect(unpackIds(packIds([65536, 3]))).toEqual([65536, 3]);
  });

  it('of a full context fit in an address', () => {
    expect(packIds(Array.from({ length: 1024 }, (_, i) => i * 49)).length).toBeLessThan(2800);
  });
});
