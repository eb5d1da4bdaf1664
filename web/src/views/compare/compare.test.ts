import { describe, expect, it } from 'vitest';
import type { Compared, ComparedPiece, ModelInfo, RunInfo } from '../../api/types';
import { NO_EDITS } from '../../core/place';
import { choices, chosen, linesOf, nameOf, pieceAt, tellOf, told, withHead } from './beside';
import { curvesOf } from './examples';

const model = (name: string) => ({ name, fingerprint: `${name}0123456789abc` }) as ModelInfo;
const run = { model: 'a', ids: [1, 2], edits: NO_EDITS } as unknown as RunInfo;

describe('what stands beside', () => {
  it('is another model, if there is one, and else a head less', () => {
    expect(choices(run, [model('a')], null).map(nameOf)).toEqual(['head']);
    const two = choices(run, [model('a'), model('b')], null);
    expect(two.map(nameOf)).toEqual(['b012345678', 'head']);
    expect(chosen(two, 'head').kind).toBe('head');
    expect(chosen(two, 'gone').kind).toBe('model');
  });

  it('is the model without its edits, or the run that was kept, where there are such', () => {
    const edited = { ...run, edits: { ...NO_EDITS, causal: false } } as RunInfo;
    const kept = { model: 'a', ids: [3], edits: NO_EDITS };
    expect(choices(edited, [model('a')], kept).map(nameOf)).toEqual(['kept', 'plain', 'head']);
  });

  it('has one head off that was on, and on that was off or taken from elsewhere', () => {
    const off = withHead({ ...NO_EDITS, patches: [{ layer: 1, head: 2, run: 'r' }] }, 1, 2);
    expect(off).toEqual({ ...NO_EDITS, heads_off: [[1, 2]], patches: [] });
    expect(withHead(off, 1, 2).heads_off).toEqual([]);
  });
});

describe('the text', () => {
  const piece = (start: number, end: number, kl: number | null, nll: number | null) =>
    ({ start, end, kl, nll, other_nll: 1 }) as ComparedPiece;

  it('is coloured by divergence, or by how much more surprised the one is', () => {
    expect(told(piece(0, 1, 0.5, 3), 'kl')).toBe(0.5);
    expect(told(piece(0, 1, null, 3), 'nll')).toBe(2);
    expect(told(piece(0, 1, null, null), 'nll')).toBeNull();
  });

  it('has no divergence between two vocabularies', () => {
    expect(tellOf('kl', { one_vocabulary: false } as Compared)).toBe('nll');
    expect(tellOf(null, { one_vocabulary: true } as Compared)).toBe('kl');
    expect(tellOf('nll', { one_vocabulary: true } as Compared)).toBe('nll');
  });

  it('knows which tokens are of no piece', () => {
    expect(pieceAt([piece(1, 3, 0, 0), piece(4, 5, 0, 0)], 6)).toEqual([null, 0, 0, null, 1, null]);
  });
});

describe('the lists', () => {
  it('are joined word by word', () => {
    expect(linesOf([5, 7, 9], [7, 5, 2])).toEqual([
      { id: 5, from: 0, to: 1 },
      { id: 7, from: 1, to: 0 },
      { id: 9, from: 2, to: null },
      { id: 2, from: null, to: 2 },
    ]);
  });
});

describe('experiments', () => {
  it('become curves over the number of examples, none at 0 on a logarithmic axis', () => {
    const point = (examples: number) => ({ examples, score: 2, low: 1, high: 3, seeds: 2 });
    const [curve] = curvesOf([{ name: 'one', points: [point(0), point(10)] }]);
    expect(curve!.points).toEqual([{ x: 10, y: 2, low: 1, high: 3 }]);
    expect(curve!.atZero).toEqual(point(0));
  });
});
