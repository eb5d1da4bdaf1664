import { expect, it } from 'vitest';
import { packText, unpackText } from './texts';

it('keeps a text in plain letters, and takes nothing that is none', () => {
  for (const text of ['London', '#17', ' 机器人']) {
    expect(packText(text)).toMatch(/^[\w-]+$/);
    expect(unpackText(packText(text))).toBe(text);
  }
  expect([packText(''), unpackText(null), unpackText('_w')]).toEqual([null, '', '']);
});
