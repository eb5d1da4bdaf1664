import { describe, expect, it } from 'vitest';
import { distinct, idsIn, label, pieces, segments, splitCharacters, spoken } from './tokens';

const token = (bytes: number[] | string, id = 0) => {
  const all = typeof bytes === 'string' ? [...new TextEncoder().encode(bytes)] : bytes;
  return { id, text: '', bytes: all.map((b) => b.toString(16).padStart(2, '0')).join('') };
};

describe('tokens', () => {
  it('mark blanks and show control characters and lone bytes as what they are', () => {
    expect(label(token(' robot'))).toBe('\u2423robot');
    expect(label(token('a\n\n'))).toBe('a\u21b5\u21b5');
    expect(label(token('\u0000'))).toBe('<00>');
    expect(label(token('\u00a0'))).toBe('\u00a0');
    expect(pieces(token([0xe6, 0x9c]))).toEqual([
      { kind: 'byte', shown: 'E6' },
      { kind: 'byte', shown: '9C' },
    ]);
    expect(spoken(token(' robot'))).toBe('robot');
    expect(spoken(token(' '))).toBe('\u2423');
  });

  it('show the end of text by its name', () => {
    expect(label({ id: 50256, text: '<|endoftext|>', bytes: '' })).toBe('<|endoftext|>');
  });

  it('find the halves of a character', () => {
    const robot = [...new TextEncoder().encode('机器')];
    const tokens = [
      token('x'),
      token(robot.slice(0, 2)),
      token(robot.slice(2, 4)),
      token(robot.slice(4)),
      token('y'),
    ];
    expect(splitCharacters(tokens)).toEqual([{ start: 1, end: 4, text: '机器' }]);
    expect(segments(tokens).map(({ start, end, text }) => [start, end, text])).toEqual([
      [0, 1, ''],
      [1, 4, '机器'],
      [4, 5, ''],
    ]);
    expect(splitCharacters([token([0xff]), token('a')])).toEqual([]);
  });
});

describe('idsIn', () => {
  it('reads whole numbers of the vocabulary, and nothing else', () => {
    expect(idsIn(' 3, 14\n15 ', 16)).toEqual([3, 14, 15]);
    for (const text of ['', '16', '1.5', '-1', '3 x']) expect(idsIn(text, 16)).toBeNull();
  });
});

describe('a token without a tokenizer', () => {
  it('is its id', () => {
    expect(label({ id: 7, text: '', bytes: '' })).toBe('#7');
  });
});

describe('a word that is there more than once', () => {
  it('is told from its like by its number', () => {
    const tokens = [token('the'), token(' robot'), token(' the'), token(' law')];
    const named = tokens.map((_, i) => distinct(tokens, i, (word, n) => `${word} ${n}`));
    expect(named).toEqual(['the 1', 'robot', 'the 3', 'law']);
  });
});
