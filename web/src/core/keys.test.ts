// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { actionFor, isTaken } from './keys';

const key = (name: string, more = {}) => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...more,
});

describe('keys', () => {
  it('1 to 9 and 0 are the ten rows', () => {
    expect([...'1290'].map((digit) => actionFor(key(digit)))).toEqual(
      [0, 1, 8, 9].map((row) => ({ do: 'append', row })),
    );
  });

  it('leave the browser its own', () => {
    expect(actionFor(key('f', { ctrlKey: true }))).toBeNull();
    expect(actionFor(key('F5'))).toBeNull();
  });

  it('stay with who is typing, and with a grid or a button', () => {
    document.body.innerHTML =
      '<textarea></textarea><input type="range"><button></button><div role="grid"><i></i></div><p></p>';
    const one = (selector: string) => document.querySelector(selector);
    expect(isTaken(one('textarea'), '1')).toBe(true);
    expect(isTaken(one('input'), 'ArrowLeft')).toBe(true);
    expect(isTaken(one('input'), '1')).toBe(false);
    expect(isTaken(one('button'), ' ')).toBe(true);
    expect(isTaken(one('button'), '1')).toBe(false);
    expect(isTaken(one('i'), 'ArrowUp')).toBe(true);
    expect(isTaken(one('p'), 'ArrowUp')).toBe(false);
    document.body.innerHTML = '';
  });
});
