/** The tree of choices: every word ever chosen after one beginning; nothing is lost by going back. */

export interface Branch {
  /** Its number; the root, the text that was typed, is 0. */
  key: number;
  parent: number;
  /** The token chosen here; of the root, -1. */
  id: number;
}

export interface Saved {
  root: number[];
  nodes: [parent: number, id: number][];
  at: number;
}

/** Immutable: every change gives a new tree, so that a framework sees it. */
export class Branches {
  private constructor(
    readonly root: readonly number[],
    readonly nodes: readonly Branch[],
    readonly at: number,
  ) {}

  static from(root: readonly number[]): Branches {
    return new Branches(root, [{ key: 0, parent: -1, id: -1 }], 0);
  }

  /** The whole text at a node. */
  ids(key = this.at): number[] {
    const path: number[] = [];
    for (let node = this.nodes[key]; node && node.key !== 0; node = this.nodes[node.parent]) {
      path.push(node.id);
    }
    return [...this.root, ...path.reverse()];
  }

  children(key: number): Branch[] {
    return this.nodes.filter((node) => node.parent === key);
  }

  get canUndo(): boolean {
    return this.at !== 0;
  }

  append(id: number): Branches {
    const known = this.nodes.find((node) => node.parent === this.at && node.id === id);
    if (known) return this.go(known.key);
    const node = { key: this.nodes.length, parent: this.at, id };
    return new Branches(this.root, [...this.nodes, node], node.key);
  }

  undo(): Branches {
    return this.canUndo ? this.go(this.nodes[this.at]!.parent) : this;
  }

  go(key: number): Branches {
    return key in this.nodes ? new Branches(this.root, this.nodes, key) : this;
  }

  /** The tree standing at this text: here if it can be reached from the root, else a new one. */
  reach(ids: readonly number[]): Branches {
    const begins = this.root.every((id, i) => ids[i] === id);
    if (!begins || ids.length < this.root.length) return Branches.from(ids);
    return ids.slice(this.root.length).reduce((tree: Branches, id) => tree.append(id), this.go(0));
  }

  save(): Saved {
    return {
      root: [...this.root],
      nodes: this.nodes.slice(1).map(({ parent, id }) => [parent, id]),
      at: this.at,
    };
  }

  /** Null for anything that `save` did not write. */
  static restore(saved: unknown): Branches | null {
    const { root, nodes, at } = (saved ?? {}) as Partial<Saved>;
    if (!isIds(root) || !Array.isArray(nodes) || typeof at !== 'number') return null;
    const all: Branch[] = [{ key: 0, parent: -1, id: -1 }];
    for (const pair of nodes as unknown[]) {
      if (!isIds(pair) || pair.length !== 2 || pair[0]! >= all.length) return null;
      all.push({ key: all.length, parent: pair[0]!, id: pair[1]! });
    }
    return new Branches(root, all, at in all ? at : 0);
  }
}

function isIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => Number.isInteger(id) && id >= 0);
}
