/**
 * Answers over a notebook's messages: each request has a number, its answer comes back under the
 * same number, bodies travel as raw buffers.
 */
import { Problem } from './problem';
import { wholeReply, type Method, type Reply, type Source } from './source';

/** What anywidget's model gives, as far as it is used here. */
export interface Channel {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: 'msg:custom', callback: (content: unknown, buffers: DataView[]) => void): void;
  off(event: 'msg:custom', callback: (content: unknown, buffers: DataView[]) => void): void;
}

interface Answer {
  id: number;
  status: number;
  type: string;
  /** False while more pieces of a stream are to come. */
  done: boolean;
}

interface Waiting {
  onPiece: (answer: Answer, bytes: ArrayBuffer) => void;
}

export class WidgetSource implements Source {
  readonly kind = 'widget';
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();
  readonly #receive: (content: unknown, buffers: DataView[]) => void;

  constructor(private readonly channel: Channel) {
    this.#receive = (content, buffers) => {
      if (!isAnswer(content)) return;
      const view = buffers[0];
      const bytes = view ? copied(view) : new ArrayBuffer(0);
      this.#waiting.get(content.id)?.onPiece(content, bytes);
      if (content.done) this.#waiting.delete(content.id);
    };
    channel.on('msg:custom', this.#receive);
  }

  close(): void {
    this.channel.off('msg:custom', this.#receive);
    this.#waiting.clear();
  }

  request(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Reply> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const queue = new Pieces();
      signal?.addEventListener('abort', () => {
        this.#waiting.delete(id);
        this.channel.send({ id, cancel: true });
        const error = new DOMException('The request was given up.', 'AbortError');
        queue.fail(error);
        reject(error);
      });
      this.#waiting.set(id, {
        onPiece: ({ status, type, done }, bytes) => {
          queue.push(bytes, done);
          if (type.startsWith('text/event-stream')) resolve(streaming(status, type, queue));
          else if (done) resolve(wholeReply(status, type, bytes));
        },
      });
      try {
        this.channel.send({ id, method, path, body });
      } catch {
        this.#waiting.delete(id);
        reject(new Problem('Lost', 'The notebook kernel does not answer.'));
      }
    });
  }
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
  #error: unknown = null;
  #wake: () => void = () => undefined;

  push(bytes: ArrayBuffer, done: boolean): void {
    this.#ready.push(new Uint8Array(bytes));
    this.#done ||= done;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#error = error;
    this.#wake();
  }

  async *read(): AsyncIterable<Uint8Array> {
    for (;;) {
      const piece = this.#ready.shift();
      if (piece) yield piece;
      else if (this.#error) throw this.#error as Error;
      else if (this.#done) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
