import { describe, expect, it } from 'vitest';
import { readEvents } from './events';
import { WidgetSource, type Channel } from './widget';

type Callback = (content: unknown, buffers: DataView[]) => void;

class Kernel implements Channel {
  readonly sent: Record<string, unknown>[] = [];
  readonly #callbacks = new Map<string, Set<Callback>>();

  send(content: unknown): void {
    this.sent.push(content as Record<string, unknown>);
  }
  on(event: string, callback: Callback): void {
    this.#callbacks.set(event, (this.#callbacks.get(event) ?? new Set()).add(callback));
  }
  off(event: string, callback: Callback): void {
    this.#callbacks.get(event)?.delete(callback);
  }
  emit(event: string, content: Record<string, unknown> = {}, buffers: DataView[] = []): void {
    for (const callback of [...(this.#callbacks.get(event) ?? [])]) callback(content, buffers);
  }
  answer(content: Record<string, unknown>, text: string): void {
    const bytes = new TextEncoder().encode(`..${text}`);
    this.emit('msg:custom', content, [new DataView(bytes.buffer, 2)]);
  }
  get listeners(): number {
    return [...this.#callbacks.values()].reduce((n, { size }) => n + size, 0);
  }
}

const STREAM = { status: 200, type: 'text/event-stream' };

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
    const head = { ...STREAM, id: kernel.sent[0]!.id };
    kernel.answer({ ...head, done: false }, 'event: token\ndata: {"id"');
    const events = readEvents((await reply).chunks())[Symbol.asyncIterator]();
    kernel.answer({ ...head, done: false }, ': 5}\n\n');
    expect((await events.next()).value).toEqual({ event: 'token', data: '{"id": 5}' });
    controller.abort();
    await expect(events.next()).rejects.toThrow();
    expect(kernel.sent.slice(1)).toEqual([{ id: head.id, cancel: true }]);
  });

  it('stop where the reader leaves a stream', async () => {
    const kernel = new Kernel();
    const reply = new WidgetSource(kernel).request('POST', '/g', {});
    const { id } = kernel.sent[0]!;
    kernel.answer({ ...STREAM, id, done: false }, 'x');
    for await (const piece of (await reply).chunks()) if (piece.length > 0) break;
    expect(kernel.sent.at(-1)).toEqual({ id, cancel: true });
  });

  it('are not given up once they are here', async () => {
    const kernel = new Kernel();
    const controller = new AbortController();
    const reply = new WidgetSource(kernel).request('GET', '/a', undefined, controller.signal);
    const { id } = kernel.sent[0]!;
    kernel.answer({ id, status: 200, type: 'text/plain', done: true }, 'a');
    controller.abort();
    expect((await reply).status).toBe(200);
    expect(kernel.sent).toHaveLength(1);
  });

  it('of two sources on one channel do not mix', async () => {
    const kernel = new Kernel();
    const [one, two] = [new WidgetSource(kernel), new WidgetSource(kernel)];
    const [a, b] = [one.request('GET', '/a'), two.request('GET', '/b')];
    for (const { id, path } of kernel.sent) {
      kernel.answer({ id, status: 200, type: 'text/plain', done: true }, String(path));
    }
    expect(new TextDecoder().decode(await (await a).bytes())).toBe('/a');
    expect(new TextDecoder().decode(await (await b).bytes())).toBe('/b');
  });

  it('end with the widget, which tells the kernel', async () => {
    const kernel = new Kernel();
    const source = new WidgetSource(kernel);
    const reply = source.request('GET', '/a');
    source.close();
    await expect(reply).rejects.toMatchObject({ name: 'AbortError' });
    expect(kernel.sent.at(-1)).toEqual({ client: source.client, close: true });
    expect(kernel.listeners).toBe(0);
    await expect(source.request('GET', '/b')).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('are lost with the kernel, at once', async () => {
    const kernel = new Kernel();
    const source = new WidgetSource(kernel);
    const reply = source.request('GET', '/a');
    kernel.emit('comm_live_update');
    await expect(reply).rejects.toMatchObject({ kind: 'Lost' });
    void source.request('GET', '/b').catch(() => undefined); // the kernel may be back
    expect(kernel.sent.at(-1)).toMatchObject({ path: '/b' });
  });
});
