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
import { asJson } from './types';
import type {
  Cell,
  Compared,
  ComparedWords,
  Curves,
  Draw,
  Experiments,
  GenerateBody,
  GenerateEvent,
  Gradient,
  HeadChanges,
  HeadMerge,
  HeadScores,
  Ledger,
  Lens,
  Loss,
  Models,
  Neighbours,
  Neurons,
  NextTokens,
  Parameters,
  Performed,
  River,
  RunInfo,
  StepInfo,
  Tokenized,
  Trainings,
  VocabularyTokens,
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

  cell(
    run: RunInfo,
    { title: _, run: __, against, followed, ...query }: CellQuestion,
    signal?: AbortSignal,
  ): Promise<Cell> {
    if (followed) {
      const asked = { q: query.q, k: query.k, ...followed };
      return this.ofRun(run.run, 'GET', `/gradient/cell${text(asked)}`, undefined, signal);
    }
    if (against) {
      const { head, q } = query;
      const asked = { with: against.run, of: against.of, layer: against.layer, head, q };
      return this.ofRun(run.run, 'GET', `/compare/cell${text(asked)}`, undefined, signal);
    }
    return this.ofRun(run.run, 'GET', `/cell${text(query)}`, undefined, signal);
  }

  lens(
    run: RunInfo,
    query: { id?: number | null; rows?: string } = {},
    signal?: AbortSignal,
  ): Promise<Lens> {
    return this.ofRun(run.run, 'GET', `/lens${text(query)}`, undefined, signal);
  }

  heads(run: RunInfo, query: { q: number; k: number }, signal?: AbortSignal): Promise<HeadScores> {
    return this.ofRun(run.run, 'GET', `/heads${text(query)}`, undefined, signal);
  }

  merge(
    run: RunInfo,
    query: { layer: number; q: number; id?: number; vectors?: boolean },
    signal?: AbortSignal,
  ): Promise<HeadMerge> {
    return this.ofRun(run.run, 'GET', `/merge${text(query)}`, undefined, signal);
  }

  neurons(
    run: RunInfo,
    query: {
      layer: number;
      q: number;
      by?: 'contribution' | 'activation' | 'push';
      top?: number;
      words?: number;
    },
    signal?: AbortSignal,
  ): Promise<Neurons> {
    return this.ofRun(run.run, 'GET', `/neurons${text(query)}`, undefined, signal);
  }

  river(run: RunInfo, query: { q: number }, signal?: AbortSignal): Promise<River> {
    return this.ofRun(run.run, 'GET', `/river${text(query)}`, undefined, signal);
  }

  loss(run: RunInfo, signal?: AbortSignal): Promise<Loss> {
    return this.ofRun(run.run, 'GET', '/loss', undefined, signal);
  }

  /** What each word does, to first order, for a token behind `q`. */
  gradient(
    run: RunInfo,
    query: { q: number; id?: number | null; of?: 'logprob' | 'logit' },
    signal?: AbortSignal,
  ): Promise<Gradient> {
    return this.ofRun(run.run, 'GET', `/gradient${text(query)}`, undefined, signal);
  }

  /** Where two runs meet, and how far they are apart there. */
  compared(run: RunInfo, other: RunInfo, signal?: AbortSignal): Promise<Compared> {
    const query = { with: other.run };
    return this.ofRun(run.run, 'GET', `/compare${text(query)}`, undefined, signal);
  }

  comparedWords(
    run: RunInfo,
    other: RunInfo,
    { q, k }: { q: number; k?: number },
    signal?: AbortSignal,
  ): Promise<ComparedWords> {
    const query = { with: other.run, q, k };
    return this.ofRun(run.run, 'GET', `/compare/next${text(query)}`, undefined, signal);
  }

  headChanges(run: RunInfo, other: RunInfo, signal?: AbortSignal): Promise<HeadChanges> {
    const query = { with: other.run };
    return this.ofRun(run.run, 'GET', `/compare/heads${text(query)}`, undefined, signal);
  }

  ledger(run: RunInfo, query: { measure?: string } = {}, signal?: AbortSignal): Promise<Ledger> {
    return this.ofRun(run.run, 'GET', `/ledger${text(query)}`, undefined, signal);
  }

  draw(run: RunInfo, query: Query, signal?: AbortSignal): Promise<Draw> {
    return this.ofRun(run.run, 'GET', `/draw${text(query)}`, undefined, signal);
  }

  /** Every head of a layer, max-pooled to `size` x `size` codes. */
  async overview(
    run: RunInfo,
    query: { layer: number; size?: number },
    signal?: AbortSignal,
  ): Promise<Frame> {
    return (await this.frames(run, `/overview${text(query)}`, signal))[0]!;
  }

  masklab(run: RunInfo, query: Query, signal?: AbortSignal): Promise<Frame[]> {
    return this.frames(run, `/masklab${text(query)}`, signal);
  }

  /** The training runs of the served folder. */
  trainings(signal?: AbortSignal): Promise<Trainings> {
    return this.#json('GET', '/api/trainings', undefined, signal);
  }

  /** Scores against numbers of examples, from the served folder. */
  experiments(signal?: AbortSignal): Promise<Experiments> {
    return this.#json('GET', '/api/trainings/experiments', undefined, signal);
  }

  /** A figure of a training run over its way. */
  curves(
    query: { name: string; figure?: string; over?: string },
    signal?: AbortSignal,
  ): Promise<Curves> {
    return this.#json('GET', `/api/trainings/curves${text(query)}`, undefined, signal);
  }

  parameters(model: string, signal?: AbortSignal): Promise<Parameters> {
    return this.ofModel(model, '/parameters', signal);
  }

  vocabulary(model: string, signal?: AbortSignal): Promise<VocabularyTokens> {
    return this.ofModel(model, '/vocabulary', signal);
  }

  neighbours(model: string, id: number, k = 12, signal?: AbortSignal): Promise<Neighbours> {
    return this.ofModel(model, `/embedding/${id}${text({ k })}`, signal);
  }

  async embeddingMap(model: string, signal?: AbortSignal): Promise<Frame> {
    return (await this.modelFrames(model, '/embedding/map', signal))[0]!;
  }

  weights(
    model: string,
    name: string,
    query: { pool?: number; rows?: string; cols?: string } = {},
    signal?: AbortSignal,
  ): Promise<Frame[]> {
    return this.modelFrames(model, `/weights/${name}${text(query)}`, signal);
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

  /** A MIDI file, base64, as the ids of a music model. */
  performed(model: string, data: string, signal?: AbortSignal): Promise<Performed> {
    return this.#json('POST', `/api/models/${encodeURIComponent(model)}/midi`, { data }, signal);
  }

  /** A run of a music model as a MIDI file. */
  async midi(run: RunInfo): Promise<ArrayBuffer> {
    return (await this.runs.ask(run.run, 'GET', '/midi')).bytes();
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
