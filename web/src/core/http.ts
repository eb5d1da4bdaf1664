/** Answers from the server that served this page. */
import { isAbort, Problem } from './problem';
import type { Method, Reply, Source } from './source';

export class HttpSource implements Source {
  readonly kind = 'http';

  constructor(private readonly base = '') {}

  async request(
    method: Method,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Reply> {
    const response = await this.#fetch(method, path, body, signal);
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      bytes: () => reading(response.arrayBuffer()),
      chunks: () => pieces(response),
    };
  }

  async #fetch(
    method: Method,
    path: string,
    body: unknown,
    signal?: AbortSignal,
  ): Promise<Response> {
    try {
      return await fetch(this.base + path, {
        method,
        signal: signal ?? null,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
        credentials: 'same-origin',
      });
    } catch (error) {
      throw lost(error);
    }
  }
}

async function reading<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw lost(error);
  }
}

function lost(error: unknown): unknown {
  return isAbort(error) ? error : new Problem('Lost', 'The server does not answer.');
}

async function* pieces(response: Response): AsyncIterable<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reading(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
