import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64 } from './base64';
import { Problem } from './problem';
import { EmbeddedSource, Recorder } from './recording';
import { requestKey, wholeReply, type Source } from './source';

function counting(): { source: Source; asked: string[] } {
  const asked: string[] = [];
  const source: Source = {
    kind: 'http',
    request: (method, path, body) => {
      asked.push(requestKey(method, path, body));
      const text = `${path} ${asked.length}`;
      return Promise.resolve(
        wholeReply(
          path.endsWith('gone') ? 404 : 200,
          'text/plain',
          new TextEncoder().encode(text).buffer,
        ),
      );
    },
  };
  return { source, asked };
}

const textOf = async (reply: { bytes(): Promise<ArrayBuffer> }) =>
  new TextDecoder().decode(await reply.bytes());

describe('the recorder', () => {
  it('asks once for what cannot change, and each time for what can', async () => {
    const { source, asked } = counting();
    const recorder = new Recorder(source);
    for (const path of [
      '/api/runs/1/next',
      '/api/runs/1/next',
      '/api/models',
      '/api/models',
      '/api/runs/gone',
      '/api/runs/gone',
    ]) {
      await recorder.request('GET', path);
    }
    expect(asked).toHaveLength(5);
  });

  it('plays back a view from what it asked for since the mark', async () => {
    const recorder = new Recorder(counting().source);
    await recorder.request('GET', '/api/models');
    await recorder.request('GET', '/api/runs/1/lens');
    await recorder.request('GET', '/api/runs/1/next');
    recorder.mark();
    const first = await textOf(await recorder.request('GET', '/api/runs/1/next'));
    await recorder.request('POST', '/api/runs', { ids: [1], model: 'm' });
    const embedded = new EmbeddedSource(recorder.recorded());
    expect(await textOf(await embedded.request('GET', '/api/runs/1/next'))).toBe(first);
    expect((await embedded.request('POST', '/api/runs', { model: 'm', ids: [1] })).status).toBe(
      200,
    );
    expect((await embedded.request('GET', '/api/models')).status).toBe(200);
    await expect(embedded.request('GET', '/api/runs/1/lens')).rejects.toThrow(Problem);
  });

  it('keeps no more than its limit, the oldest go first', async () => {
    const { source, asked } = counting();
    const recorder = new Recorder(source, 60);
    for (const n of [1, 2, 3, 4]) await recorder.request('GET', `/api/runs/${n}/next`);
    await recorder.request('GET', '/api/runs/4/next');
    await recorder.request('GET', '/api/runs/1/next');
    expect(asked).toHaveLength(5);
  });

  it('gives up at once when asked to', async () => {
    const recorder = new Recorder(counting().source);
    await expect(
      recorder.request('GET', '/api/models', undefined, AbortSignal.abort()),
    ).rejects.toThrow();
  });
});

describe('base64', () => {
  it('brings back all bytes, also very many', () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 256);
    const back = new Uint8Array(fromBase64(toBase64(bytes)));
    expect(back.length).toBe(bytes.length);
    expect(back.every((byte, i) => byte === bytes[i])).toBe(true);
  });
});
