import { describe, expect, it } from 'vitest';
import { NO_EDITS } from './place';
import { has, patched, toggled } from './edits';

describe('switching', () => {
  it('takes out what was in, and puts in what was not, in order', () => {
    expect(toggled([[1, 2]], [0, 5])).toEqual([
      [0, 5],
      [1, 2],
    ]);
    expect(
      toggled(
        [
          [0, 5],
          [1, 2],
        ],
        [1, 2],
      ),
    ).toEqual([[0, 5]]);
    expect(has([[0, 5]], 0, 5)).toBe(true);
    expect(has([[0, 5]], 5, 0)).toBe(false);
  });

  it('leaves the list it was given as it was', () => {
    const before: [number, number][] = [[3, 1]];
    toggled(before, [0, 0]);
    expect(before).toEqual([[3, 1]]);
  });

  it('takes a head from another run instead of switching it off, and back', () => {
    const off = { ...NO_EDITS, heads_off: [[2, 1] as [number, number]] };
    const taken = patched(off, 2, 1, 'donor');
    expect(taken.heads_off).toEqual([]);
    expect(taken.patches).toEqual([{ layer: 2, head: 1, run: 'donor' }]);
    expect(patched(taken, 2, 1, 'donor').patches).toEqual([]);
  });
});
