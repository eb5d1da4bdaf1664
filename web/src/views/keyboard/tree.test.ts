import { describe, expect, it } from 'vitest';
import { Branches } from '../../core/branches';
import { layOut } from './tree';

describe('layOut', () => {
  it('keeps the first choice in line and opens a row for another', () => {
    const tree = Branches.from([1]).append(10).append(11).undo().append(12);
    const { nodes, columns, rows } = layOut(tree);
    const at = Object.fromEntries(nodes.map(({ id, column, row }) => [id, [column, row]]));
    expect(at).toEqual({ '-1': [0, 0], 10: [1, 0], 11: [2, 0], 12: [2, 1] });
    expect([columns, rows]).toEqual([3, 2]);
    expect(nodes.filter(({ onPath }) => onPath).map(({ id }) => id)).toEqual([-1, 10, 12]);
  });

  it('gives no two nodes one place', () => {
    let tree = Branches.from([0]);
    for (const id of [1, 2, 3])
      tree = tree
        .go(0)
        .append(id)
        .append(9)
        .go(tree.at)
        .append(id + 4);
    const { nodes } = layOut(tree);
    expect(new Set(nodes.map(({ column, row }) => `${column},${row}`)).size).toBe(nodes.length);
  });
});
