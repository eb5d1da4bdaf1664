/**
 * The server's routes as functions. Views ask through these and nothing else; what they return is
 * typed by the server's own document (schema.ts).
 */
import { readEvents } from '../core/events';
import { decodeFrames, type Frame } from '../core/frames';
import type { CellQuestion } from '../core/inspector.svelte';
import type { RunSpec } from '../core/place';
import { answered, type Runs } from '../core/runs';
import type { Method, Source } from '../core/source';
import { bytesOf } from '../core/tokens';
import {
  asJson,
  type Cell,
  type GenerateBody,
  type GenerateEvent,
  type Models,
  type NextTokens,
  type RunInfo,
  type StepInfo,
  type Tokenized,
} from './types';

type Query = Record<string, string | number | boolean | null | undefined>;

export interface TensorQuery extends Query {
  head?: number;
  /** Query positions, `a:b`. */
  rows?: string;
  /** Places on the last axis, `a:b`. */
  cols?: string;
  /** u1 for pixels only: printed numbers come from f4. */
  dtype?: 'f4' | 'f2' | 'u1';
  pool?: number;
}

export class Api {
  constructor(
    private readonly source: Source,
    private readonly runs: Runs,
  ) {}

  models(): Promise<Models> {
    return this.#json('GET', '/api/models');
  }

  tokenize(model: string, text: string, signal?: AbortSignal): Promise<Tokenized> {
    return this.#json(
      'POST',
      `/api/models/${encodeURIComponent(model)}/tokenize`,
      { text },
      signal,
    );
  }

  createRun(body: Partial<RunSpec> & { text?: string }, signal?: AbortSignal): Promise<RunInfo> {
    return this.#json('POST', '/api/runs', body, signal);
  }

  step(run: string, id: number): Promise<StepInfo> {
    return this.ofRun(run, 'POST', '/step', { id });
  }

  next(run: RunInfo, query: { q: number; k?: number }, signal?: AbortSignal): Promise<NextTokens> {
    return this.ofRun(run.run, 'GET', `/next${text(query)}`, undefined, signal);
  }

  cell(run: RunInfo, { title: _, ...query }: CellQuestion, signal?: AbortSignal): Promise<Cell> {
    return this.ofRun(run.run, 'GET', `/cell${text(query)}`, undefined, signal);
  }

  /** One tap's values, or a part of them. */
  async tensor(
    run: RunInfo,
    site: string,
    query: TensorQuery = {},
    signal?: AbortSignal,
  ): Promise<Frame> {
    return (await this.frames(run, `/tensor/${site}${text(query)}`, signal))[0]!;
  }

  /** Any route of a run that answers in frames. */
  async frames(run: RunInfo, rest: string, signal?: AbortSignal): Promise<Frame[]> {
    const reply = await this.runs.ask(run.run, 'GET', rest, undefined, signal);
    return decodeFrames(await reply.bytes());
  }

  /** Any route of a run that answers in JSON. */
  async ofRun<T>(
    run: string,
    method: Method,
    rest: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<T> {
    return asJson<T>(await this.runs.ask(run, method, rest, body, signal));
  }

  /** Any route of a model that answers in JSON. */
  ofModel<T>(model: string, rest: string, signal?: AbortSignal): Promise<T> {
    return this.#json('GET', `/api/models/${encodeURIComponent(model)}${rest}`, undefined, signal);
  }

  async modelFrames(model: string, rest: string, signal?: AbortSignal): Promise<Frame[]> {
    const path = `/api/models/${encodeURIComponent(model)}${rest}`;
    const reply = await answered(await this.source.request('GET', path, undefined, signal));
    return decodeFrames(await reply.bytes());
  }

  async npz(run: RunInfo, sites: string[]): Promise<ArrayBuffer> {
    const reply = await this.runs.ask(run.run, 'GET', `/npz${text({ sites: sites.join(',') })}`);
    return reply.bytes();
  }

  /** Events of a text being written; leaving the loop stops the model. */
  async *generate(
    run: string,
    body: GenerateBody,
    signal: AbortSignal,
  ): AsyncIterable<GenerateEvent> {
    const reply = await this.runs.ask(run, 'POST', '/generate', body, signal);
    for await (const { event, data } of readEvents(reply.chunks())) {
      yield { event, ...(JSON.parse(data) as object) } as GenerateEvent;
    }
  }

  /** The bytes of a run's text. */
  textBytes(run: RunInfo): Uint8Array {
    return Uint8Array.from(run.tokens.flatMap(({ bytes }) => [...bytesOf(bytes)]));
  }

  textOf(run: RunInfo): string {
    return new TextDecoder().decode(this.textBytes(run));
  }

  async #json<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    return asJson<T>(await answered(await this.source.request(method, path, body, signal)));
  }
}

/** `?a=1&b=2`, without what is undefined or null; empty where nothing is left. */
export function text(query: Query): string {
  const fields = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const all = fields.map(
    ([key, value]) =>
      `${key}=${encodeURIComponent(String(value)).replaceAll('%3A', ':').replaceAll('%2C', ',')}`,
  );
  return all.length > 0 ? `?${all.join('&')}` : '';
}
