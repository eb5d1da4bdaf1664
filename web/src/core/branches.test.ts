import { describe, expect, it } from 'vitest';
import { Branches } from './branches';

describe('branches', () => {
  it('go back and forth without losing a word', () => {
    const tree = Branches.from([1, 2]).append(3).append(4).undo().append(5);
    expect(tree.ids()).toEqual([1, 2, 3, 5]);
    expect(tree.undo().undo().undo().ids()).toEqual([1, 2]);
    expect(tree.go(2).ids()).toEqual([1, 2, 3, 4]);
    expect(tree.nodes).toHaveLength(4);
  });

  it('takes the way that is there instead of a second one like it', () => {
    const tree = Branches.from([1]).append(3).undo().append(3);
    expect(tree.nodes).toHaveLength(2);
  });

  it('reaches a text by its own words, or starts anew', () => {
    const tree = Branches.from([1, 2]).append(3);
    expect(tree.reach([1, 2, 3, 4]).nodes).toHaveLength(3);
    expect(tree.reach([1, 2]).at).toBe(0);
    expect(tree.reach([9]).root).toEqual([9]);
    expect(tree.reach([1]).root).toEqual([1]);
  });

  it('comes back from storage, and nothing else does', () => {
    const tree = Branches.from([7]).append(3).undo().append(4);
    expect(Branches.restore(JSON.parse(JSON.stringify(tree.save())))?.ids()).toEqual([7, 4]);
    for (const broken of [
      null,
      {},
      { root: ['x'], nodes: [], at: 0 },
      { root: [1], nodes: [[5, 1]], at: 0 },
    ]) {
      expect(Branches.restore(broken)).toBeNull();
    }
  });
});
