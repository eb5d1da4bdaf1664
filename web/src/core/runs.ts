/**
 * Runs by what they are made of. A server may forget a run to make room; its recipe is kept here,
 * so it is posted again and the question repeated, and nobody notices.
 */
import { asJson, type RunInfo } from '../api/types';
import { problemFrom, Problem } from './problem';
import { canonical, type Method, type Reply, type Source } from './source';
import type { RunSpec } from './place';

export class Runs {
  readonly #specs = new Map<string, RunSpec>();
  readonly #infos = new Map<string, RunInfo>();

  constructor(private readonly source: Source) {}

  /** The run of this spec, if it is known already. */
  known(spec: RunSpec): RunInfo | null {
    return this.#infos.get(canonical(spec)) ?? null;
  }

  /** Remembers a run that came by another way, such as a step. */
  put(spec: RunSpec, info: RunInfo): RunInfo {
    this.#infos.set(canonical(spec), info);
    this.#specs.set(info.run, spec);
    return info;
  }

  async open(spec: RunSpec, signal?: AbortSignal): Promise<RunInfo> {
    const known = this.known(spec);
    return known ?? this.put(spec, await this.#post(spec, signal));
  }

  /** Asks something of a run; posts the run again if it was forgotten. */
  async ask(
    run: string,
    method: Method,
    rest: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Reply> {
    const path = `/api/runs/${run}${rest}`;
    // A question may be about two runs, and both may be forgotten.
    for (let tries = 0; ; tries++) {
      const reply = await this.source.request(method, path, body, signal);
      if (reply.status < 400) return reply;
      const problem = await readProblem(reply);
      const spec = this.#specs.get(String(problem.values.run ?? run));
      if (problem.kind !== 'RunNotFound' || !spec || tries === 2) throw problem;
      await this.#post(spec, signal);
    }
  }

  /** Posts a run, after those that its patches take values from. */
  async #post(spec: RunSpec, signal?: AbortSignal, depth = 0): Promise<RunInfo> {
    const body = { model: spec.model, ids: spec.ids, edits: spec.edits };
    const reply = await this.source.request('POST', '/api/runs', body, signal);
    if (reply.status < 400) return asJson<RunInfo>(reply);
    const problem = await readProblem(reply);
    const donors = spec.edits.patches.flatMap(({ run }) => this.#specs.get(run) ?? []);
    if (problem.kind !== 'RunNotFound' || donors.length === 0 || depth > 3) throw problem;
    for (const donor of donors) await this.#post(donor, signal, depth + 1);
    return asJson<RunInfo>(
      await answered(await this.source.request('POST', '/api/runs', body, signal)),
    );
  }
}

async function readProblem(reply: Reply): Promise<Problem> {
  return problemFrom(reply.status, new TextDecoder().decode(await reply.bytes()));
}

/** The reply, or the problem it tells. */
export async function answered(reply: Reply): Promise<Reply> {
  if (reply.status >= 400) throw await readProblem(reply);
  return reply;
}
