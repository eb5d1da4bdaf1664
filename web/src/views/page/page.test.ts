import { describe, expect, it } from 'vitest';
import { layOut, tokenAt, walk } from './layout';
import { agreement, around, asked, strongest, summaryStart } from './page';

const hex = (text: string) =>
  [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const tokens = (...texts: string[]) => texts.map((text, id) => ({ id, text, bytes: hex(text) }));

describe('a summary', () => {
  it('begins behind the last marker, however that is cut', () => {
    expect(summaryStart(tokens('a page', ' TL', ';', 'DR', ':', ' short'))).toBe(5);
    expect(summaryStart(tokens('TL;DR: x ', 'TL;DR:', 'y', 'z'))).toBe(2);
    expect(summaryStart(tokens('a page', 'TL;DR:'))).toBe(2);
    expect(summaryStart(tokens('a page', 'TL;D', 'R: in one'))).toBe(3);
    expect(summaryStart(tokens('a page'))).toBeNull();
  });

  it('can be asked word by word, and the word to come', () => {
    expect(asked(4, 6)).toEqual([4, 5, 6]);
    expect(asked(6, 6)).toEqual([6]);
    expect(asked(null, 3)).toEqual([1, 2, 3]);
    expect(asked(null, 100)[0]).toBe(76);
    expect(asked(0, 2)[0]).toBe(1);
  });
});

describe('what counts', () => {
  it('is the largest by size, whatever its sign', () => {
    expect(strongest([0.1, -0.9, 0.5], 2)).toEqual([1, 2]);
  });

  it('may be the same by both', () => {
    expect(agreement([1, 2, 3, 4], [0, 0, -9, 8])).toEqual({ same: 2, of: 2 });
    expect(agreement([1, 2, 3, 4], [9, 8, 0, 0])).toEqual({ same: 0, of: 2 });
  });

  it('is read in a part of the page', () => {
    expect(around(0, 10)).toEqual({ start: 0, end: 10 });
    expect(around(500, 1000, 64)).toEqual({ start: 468, end: 532 });
    expect(around(999, 1000, 64)).toEqual({ start: 936, end: 1000 });
  });
});

describe('the map', () => {
  const text = tokens('one', ' two', ' three\n', 'four', ' five');
  const layout = layOut(text, 60);

  it('has a block for each token, in lines that are full', () => {
    expect(layout.blocks).toHaveLength(5);
    expect(layout.blocks.every(({ x, width }) => x + width <= 60)).toBe(true);
    expect(layout.height).toBe(layout.blocks[4]!.y + layout.line);
  });

  it('knows what is under a point, and where keys lead', () => {
    layout.blocks.forEach(({ x, y, width }, i) =>
      expect(tokenAt(layout, x + width / 2, y + 1)).toBe(i),
    );
    expect(walk(layout, 'ArrowRight', 0, 5)).toBe(1);
    expect(walk(layout, 'ArrowUp', 0, 5)).toBe(0);
    expect(walk(layout, 'End', 0, 4)).toBe(3);
    expect(walk(layout, 'x', 0, 5)).toBeNull();
  });

  it('stays small enough for 1,024 tokens', () => {
    const many = layOut(
      Array.from({ length: 1024 }, () => text[1]!),
      340,
    );
    expect(many.height).toBeLessThan(200);
  });
});
