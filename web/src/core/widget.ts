/**
 * Answers over a notebook's messages: each request has an id, its answer comes back under the same
 * id, bodies travel as raw buffers. Several sources may share one channel, and a kernel may speak
 * to several windows, so the ids of each source begin with a name of its own.
 */
import { Problem } from './problem';
import { wholeReply, type Method, type Reply, type Source } from './source';

/** What anywidget's model gives, as far as it is used here. */
export interface Channel {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: 'msg:custom', callback: (content: unknown, buffers: DataView[]) => void): void;
  on(event: 'comm_live_update', callback: () => void): void;
  off(event: 'msg:custom', callback: (content: unknown, buffers: DataView[]) => void): void;
  off(event: 'comm_live_update', callback: () => void): void;
}

interface Answer {
  id: string;
  status: number;
  type: string;
  /** False while more pieces of a stream are to come. */
  done: boolean;
}

interface Waiting {
  onPiece: (answer: Answer, bytes: ArrayBuffer) => void;
  fail: (error: Error) => void;
}

export class WidgetSource implements Source {
  readonly kind = 'widget';
  readonly client = named();
  #next = 1;
  #closed = false;
  readonly #waiting = new Map<string, Waiting>();
  readonly #receive: (content: unknown, buffers: DataView[]) => void;
  readonly #lose: () => void;

  constructor(private readonly channel: Channel) {
    this.#receive = (content, buffers) => {
      if (!isAnswer(content)) return;
      const view = buffers[0];
      const waiting = this.#waiting.get(content.id);
      if (content.done) this.#waiting.delete(content.id);
      waiting?.onPiece(content, view ? copied(view) : new ArrayBuffer(0));
    };
    // The kernel was restarted or cut off: what was asked is lost, what is asked next may not be.
    this.#lose = () => this.#failAll(lost());
    channel.on('msg:custom', this.#receive);
    channel.on('comm_live_update', this.#lose);
  }

  /** Gives up what is on its way; the kernel stops working on it. */
  close(): void {
    this.channel.off('msg:custom', this.#receive);
    this.channel.off('comm_live_update', this.#lose);
    this.#send({ client: this.client, close: true });
    this.#closed = true;
    this.#failAll(givenUp());
  }

  request(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Reply> {
    if (this.#closed) return Promise.reject(givenUp());
    const id = `${this.client}-${this.#next++}`;
    return new Promise((resolve, reject) => {
      const cancel = () => {
        if (!this.#waiting.has(id)) return;
        this.#fail(id, givenUp());
        this.#send({ id, cancel: true });
      };
      const queue = new Pieces(cancel);
      this.#waiting.set(id, {
        onPiece: ({ status, type, done }, bytes) => {
          if (done) signal?.removeEventListener('abort', cancel);
          queue.push(bytes, done);
          if (type.startsWith('text/event-stream')) resolve(streaming(status, type, queue));
          else if (done) resolve(wholeReply(status, type, bytes));
        },
        fail: (error) => {
          queue.fail(error);
          reject(error);
        },
      });
      signal?.addEventListener('abort', cancel, { once: true });
      if (!this.#send({ id, method, path, body })) this.#fail(id, lost());
    });
  }

  #send(content: unknown): boolean {
    try {
      this.channel.send(content);
      return true;
    } catch {
      return false;
    }
  }

  #fail(id: string, error: Error): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.fail(error);
  }

  #failAll(error: Error): void {
    for (const id of [...this.#waiting.keys()]) this.#fail(id, error);
  }
}

function named(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function lost(): Problem {
  return new Problem('Lost', 'The notebook kernel does not answer.');
}

function givenUp(): DOMException {
  return new DOMException('The request was given up.', 'AbortError');
}

function isAnswer(content: unknown): content is Answer {
  return typeof content === 'object' && content !== null && 'id' in content && 'status' in content;
}

function copied(view: DataView): ArrayBuffer {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer;
}

function streaming(status: number, type: string, queue: Pieces): Reply {
  const bytes = async () => {
    const parts: Uint8Array[] = [];
    for await (const part of queue.read()) parts.push(part);
    return new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer();
  };
  return { status, type, bytes, chunks: () => queue.read() };
}

/** Pieces that arrive when they like and are read when there is time. */
class Pieces {
  readonly #ready: Uint8Array[] = [];
  #done = false;
  #error: Error | null = null;
  #wake: () => void = () => undefined;

  /** `leave`: the reader has had enough before the end. */
  constructor(private readonly leave: () => void) {}

  push(bytes: ArrayBuffer, done: boolean): void {
    this.#ready.push(new Uint8Array(bytes));
    this.#done ||= done;
    this.#wake();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#wake();
  }

  async *read(): AsyncIterable<Uint8Array> {
    try {
      for (;;) {
        const piece = this.#ready.shift();
        if (piece) yield piece;
        else if (this.#error) throw this.#error;
        else if (this.#done) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.leave();
    }
  }
}
