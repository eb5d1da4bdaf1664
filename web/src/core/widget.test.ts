import { describe, expect, it } from 'vitest';
import { readEvents } from './events';
import { WidgetSource, type Channel } from './widget';

type Callback = (content: unknown, buffers: DataView[]) => void;

class Kernel implements Channel {
  readonly sent: Record<string, unknown>[] = [];
  #callback: Callback = () => undefined;

  send(content: unknown): void {
    this.sent.push(content as Record<string, unknown>);
  }
  on(_: string, callback: Callback): void {
    this.#callback = callback;
  }
  off(): void {
    this.#callback = () => undefined;
  }
  answer(content: Record<string, unknown>, text: string): void {
    const bytes = new TextEncoder().encode(`..${text}`);
    this.#callback(content, [new DataView(bytes.buffer, 2)]);
  }
}

describe('answers over messages', () => {
  it('find their request, whatever the order', async () => {
    const kernel = new Kernel();
    const source = new WidgetSource(kernel);
    const [a, b] = [source.request('GET', '/a'), source.request('POST', '/b', { x: 1 })];
    expect(kernel.sent[1]).toMatchObject({ method: 'POST', path: '/b', body: { x: 1 } });
    for (const { id, path } of [...kernel.sent].reverse()) {
      kernel.answer({ id, status: 200, type: 'text/plain', done: true }, String(path));
    }
    expect(new TextDecoder().decode(await (await a).bytes())).toBe('/a');
    expect(new TextDecoder().decode(await (await b).bytes())).toBe('/b');
  });

  it('stream, and stop when told to', async () => {
    const kernel = new Kernel();
    const controller = new AbortController();
    const reply = new WidgetSource(kernel).request('POST', '/g', {}, controller.signal);
    const head = { id: 1, status: 200, type: 'text/event-stream' };
    kernel.answer({ ...head, done: false }, 'event: token\ndata: {"id"');
    const events = readEvents((await reply).chunks())[Symbol.asyncIterator]();
    kernel.answer({ ...head, done: false }, ': 5}\n\n');
    expect((await events.next()).value).toEqual({ event: 'token', data: '{"id": 5}' });
    controller.abort();
    await expect(events.next()).rejects.toThrow();
    expect(kernel.sent.at(-1)).toEqual({ id: 1, cancel: true });
  });
});
