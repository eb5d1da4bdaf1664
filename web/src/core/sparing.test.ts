import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sparing } from './sparing';

describe('an address that changes often', () => {
  let written: string[];
  let sparing: Sparing;

  beforeEach(() => {
    vi.useFakeTimers();
    written = [];
    sparing = new Sparing((text) => written.push(text), { burst: 2, wait: 300 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is written at once a few times, then only so often, and its last state always', () => {
    for (const text of 'abcde') sparing.write(text);
    expect(written).toEqual(['a', 'b']);
    expect(sparing.waiting).toBe('e');
    vi.advanceTimersByTime(300);
    expect(written).toEqual(['a', 'b', 'e']);
    expect(sparing.waiting).toBeNull();
    vi.advanceTimersByTime(3000);
    for (const text of 'fgh') sparing.write(text);
    expect(written).toEqual(['a', 'b', 'e', 'f', 'g']);
  });

  it('is not held back by keys that are held down for long', () => {
    for (let i = 0; i < 100; i++) {
      sparing.write(String(i));
      vi.advanceTimersByTime(30);
    }
    expect(written.length).toBeGreaterThan(9);
    expect(written.length).toBeLessThan(14);
  });

  it('is written before the page goes, and forgotten where the reader goes back', () => {
    for (const text of 'abc') sparing.write(text);
    sparing.flush();
    expect(written).toEqual(['a', 'b', 'c']);
    sparing.write('d');
    sparing.drop();
    vi.advanceTimersByTime(900);
    expect(written).toEqual(['a', 'b', 'c']);
  });
});
