import { describe, expect, it } from 'vitest';
import { readEvents } from './events';

async function* cutInto(text: string, size: number) {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

describe('server-sent events', () => {
  it.each([1, 2, 7, 1000])('are the same in pieces of %d bytes', async (size) => {
    const text = ': hello\n\nevent: token\r\ndata: {"t": "机"}\r\n\r\nevent: done\ndata: {}\n\n';
    const events = [];
    for await (const event of readEvents(cutInto(text, size))) events.push(event);
    expect(events).toEqual([
      { event: 'token', data: '{"t": "机"}' },
      { event: 'done', data: '{}' },
    ]);
  });
});
