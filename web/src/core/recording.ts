/** Keeps answers as they pass, so that a view can be shown again with no server. */
import { fromBase64, toBase64 } from './base64';
import { Problem } from './problem';
import { requestKey, wholeReply, type Method, type Reply, type Source } from './source';

export interface Recorded {
  key: string;
  status: number;
  type: string;
  /** The body in base64. */
  body: string;
}

interface Kept {
  status: number;
  type: string;
  bytes: ArrayBuffer;
  mark: number;
}

const LIMIT = 48 * 1024 * 1024;
const MODELS = requestKey('GET', '/api/models');

/**
 * A source that also remembers: immutable answers are given again without asking, and all answers
 * since the last `mark` can be written into a file.
 */
export class Recorder implements Source {
  readonly kind: Source['kind'];
  readonly #kept = new Map<string, Kept>();
  #size = 0;
  #mark = 0;

  constructor(
    private readonly inner: Source,
    private readonly limit = LIMIT,
  ) {
    this.kind = inner.kind;
  }

  async request(
    method: Method,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Reply> {
    signal?.throwIfAborted();
    const key = requestKey(method, path, body);
    const kept = this.#kept.get(key);
    if (kept && (isImmutable(method, path) || this.inner.kind === 'embedded')) {
      this.#keep(key, kept);
      return wholeReply(kept.status, kept.type, kept.bytes);
    }
    const reply = await this.inner.request(method, path, body, signal);
    if (reply.type.startsWith('text/event-stream')) return this.#following(key, reply);
    const bytes = await reply.bytes();
    if (reply.status < 400) {
      this.#keep(key, { status: reply.status, type: reply.type, bytes, mark: this.#mark });
    }
    return wholeReply(reply.status, reply.type, bytes);
  }

  /** From here on is one view: what `recorded` gives starts anew. */
  mark(): void {
    this.#mark += 1;
  }

  /** Every answer the view has asked for since the last mark. */
  recorded(): Recorded[] {
    return [...this.#kept]
      .filter(([key, { mark }]) => mark === this.#mark || key === MODELS)
      .map(([key, { status, type, bytes }]) => ({ key, status, type, body: toBase64(bytes) }));
  }

  #keep(key: string, kept: Kept): void {
    const before = this.#kept.get(key);
    if (before) {
      this.#kept.delete(key);
      this.#size -= before.bytes.byteLength;
    }
    this.#kept.set(key, { ...kept, mark: this.#mark });
    this.#size += kept.bytes.byteLength;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#size <= this.limit || oldest === key) break;
      if (oldest === MODELS) continue;
      this.#kept.delete(oldest);
      this.#size -= bytes.byteLength;
    }
  }

  #following(key: string, reply: Reply): Reply {
    const keep = (parts: Uint8Array[]) => {
      const bytes = joined(parts);
      this.#keep(key, { status: reply.status, type: reply.type, bytes, mark: this.#mark });
    };
    return {
      ...reply,
      chunks: async function* () {
        const parts: Uint8Array[] = [];
        for await (const part of reply.chunks()) {
          parts.push(part);
          yield part;
        }
        keep(parts);
      },
    };
  }
}

/** A run's id is the hash of all that its answers depend on; a 404 is not kept. */
function isImmutable(method: Method, path: string): boolean {
  return (
    (method === 'GET' && (/^\/api\/runs\/./.test(path) || /^\/api\/models\/./.test(path))) ||
    (method === 'POST' && /\/tokenize$/.test(path))
  );
}

function joined(parts: Uint8Array[]): ArrayBuffer {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.buffer;
}

/** Answers from a recording inside the page: the offline file. */
export class EmbeddedSource implements Source {
  readonly kind = 'embedded';
  readonly #answers: Map<string, Recorded>;

  constructor(recording: Recorded[]) {
    this.#answers = new Map(recording.map((answer) => [answer.key, answer]));
  }

  request(method: Method, path: string, body?: unknown): Promise<Reply> {
    const answer = this.#answers.get(requestKey(method, path, body));
    if (!answer) {
      return Promise.reject(
        new Problem('NotRecorded', 'This file does not hold that answer.', {
          hint: 'Open the same link with cutaway explore to go on.',
        }),
      );
    }
    return Promise.resolve(wholeReply(answer.status, answer.type, fromBase64(answer.body)));
  }
}
