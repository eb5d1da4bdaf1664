/** Byte-pair merges as a tree over the bytes of a word. */
import type { Tokenized } from '../../api/types';
import { wholeText } from '../../core/tokens';

export type Word = Tokenized['words'][number];

export interface Node {
  /** The bytes it covers. */
  start: number;
  end: number;
  bytes: string;
  /** How high it stands: bytes are 0. */
  level: number;
  /** The merge that made it, from 1; 0 for bytes. */
  step: number;
  id: number | null;
  children: Node[];
}

/** All parts that ever were, in the order they were made: bytes first. */
export function nodesOf(word: Word): Node[] {
  const nodes: Node[] = (word.bytes.match(/../g) ?? []).map((bytes, start) => ({
    start,
    end: start + 1,
    bytes,
    level: 0,
    step: 0,
    id: null,
    children: [],
  }));
  const at = new Map(nodes.map((node) => [node.start, node]));
  word.steps.forEach(({ id, start }, i) => {
    const left = at.get(start)!;
    const right = at.get(left.end)!;
    const node: Node = {
      start,
      end: right.end,
      bytes: left.bytes + right.bytes,
      level: 1 + Math.max(left.level, right.level),
      step: i + 1,
      id,
      children: [left, right],
    };
    at.set(start, node);
    at.delete(left.end);
    nodes.push(node);
  });
  return nodes;
}

/** The parts of the word after `step` merges, left to right. */
export function partsAfter(nodes: readonly Node[], step: number): Node[] {
  const made = nodes.filter((node) => node.step <= step);
  const used = new Set(made.flatMap(({ children }) => children));
  return made.filter((node) => !used.has(node)).sort((a, b) => a.start - b.start);
}

/** The longest beginning of some bytes that is whole text; null if that leaves out more than a character. */
export function textOf(bytes: Uint8Array): string | null {
  for (let cut = 0; cut < 4 && cut <= bytes.length; cut++) {
    const text = wholeText(bytes.subarray(0, bytes.length - cut));
    if (text !== null) return text;
  }
  return null;
}
