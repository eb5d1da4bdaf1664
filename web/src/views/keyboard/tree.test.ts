import { describe, expect, it } from 'vitest';
import { Branches } from '../../core/branches';
import { layOut, next } from './tree';

describe('layOut', () => {
  it('keeps the first choice in line and opens a row for another', () => {
    const tree = Branches.from([1]).append(10).append(11).undo().append(12);
    const { nodes, columns, rows } = layOut(tree);
    const at = Object.fromEntries(nodes.map(({ id, column, row }) => [id, [column, row]]));
    expect(at).toEqual({ '-1': [0, 0], 10: [1, 0], 11: [2, 0], 12: [2, 1] });
    expect([columns, rows]).toEqual([3, 2]);
    expect(nodes.filter(({ onPath }) => onPath).map(({ id }) => id)).toEqual([-1, 10, 12]);
  });

  it('is walked with arrow keys', () => {
    const { nodes } = layOut(Branches.from([1]).append(10).append(11).undo().append(12));
    const of = (id: number) => nodes.find((node) => node.id === id)!;
    const ends = (id: number, key: string) => next(nodes, of(id), key)?.id;
    expect(ends(11, 'ArrowDown')).toBe(12);
    expect(ends(12, 'ArrowUp')).toBe(11);
    expect(ends(12, 'ArrowLeft')).toBe(10);
    expect(ends(10, 'ArrowRight')).toBe(11);
    expect(ends(11, 'ArrowRight')).toBeUndefined();
    expect(ends(10, 'Enter')).toBeUndefined();
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
