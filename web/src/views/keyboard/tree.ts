/** Where the nodes of the tree of choices are drawn: time runs right, alternatives run down. */
import type { Branches } from '../../core/branches';

export interface Placed {
  key: number;
  parent: number;
  id: number;
  /** Tokens since the beginning. */
  column: number;
  row: number;
  onPath: boolean;
}

/** The node that an arrow key leads to: back, on, or to the nearest branch above or below. */
export function next(nodes: readonly Placed[], from: Placed, key: string): Placed | undefined {
  if (key === 'ArrowLeft') return nodes.find(({ key }) => key === from.parent);
  if (key === 'ArrowRight') return nodes.find(({ parent }) => parent === from.key);
  const down = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!down) return undefined;
  const far = ({ row, column }: Placed) => [
    down * (row - from.row),
    Math.abs(column - from.column),
  ];
  return nodes
    .filter(({ row }) => down * (row - from.row) > 0)
    .sort((a, b) => far(a)[0]! - far(b)[0]! || far(a)[1]! - far(b)[1]!)[0];
}

/** The first child goes on in its parent's row; every other one opens a row of its own. */
export function layOut(tree: Branches): { nodes: Placed[]; columns: number; rows: number } {
  const path = new Set<number>();
  for (let key = tree.at; key >= 0; key = tree.nodes[key]?.parent ?? -1) path.add(key);
  const children = new Map<number, number[]>();
  for (const { key, parent } of tree.nodes)
    children.set(parent, [...(children.get(parent) ?? []), key]);
  const nodes: Placed[] = [];
  let rows = 1;
  const waiting = [{ key: 0, column: 0, row: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { key, column } = next;
    const row = next.row >= 0 ? next.row : rows++;
    const { parent, id } = tree.nodes[key]!;
    nodes.push({ key, parent, id, column, row, onPath: path.has(key) });
    const below = (children.get(key) ?? []).map((child, i) => ({
      key: child,
      column: column + 1,
      row: i === 0 ? row : -1,
    }));
    // The row's own continuation is placed first, then the branches, the newest last.
    waiting.push(...below.reverse());
  }
  const columns = 1 + Math.max(...nodes.map(({ column }) => column));
  return { nodes, columns, rows };
}
