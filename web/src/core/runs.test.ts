import { describe, expect, it } from 'vitest';
import { NO_EDITS, type RunSpec } from './place';
import { Runs } from './runs';
import { wholeReply, type Source } from './source';

const json = (status: number, body: unknown) =>
  wholeReply(status, 'application/json', new TextEncoder().encode(JSON.stringify(body)).buffer);

/** A server that remembers nothing between two requests unless told to. */
class Forgetful implements Source {
  readonly kind = 'http';
  readonly posted: string[] = [];
  readonly alive = new Set<string>();

  request(method: string, path: string, body?: unknown) {
    if (method === 'POST' && path === '/api/runs') {
      const spec = body as RunSpec;
      const missing = spec.edits.patches.find(({ run }) => !this.alive.has(run));
      if (missing)
        return Promise.resolve(json(404, { error: 'RunNotFound', what: `no ${missing.run}` }));
      const run = `r${spec.ids.join('-')}`;
      this.posted.push(run);
      this.alive.add(run);
      return Promise.resolve(json(200, { run, ids: spec.ids }));
    }
    const run = path.split('/')[3]!;
    const known = this.alive.has(run);
    return Promise.resolve(
      known ? json(200, { from: run }) : json(404, { error: 'RunNotFound', what: `no ${run}` }),
    );
  }
}

const spec = (ids: number[], patches: RunSpec['edits']['patches'] = []): RunSpec => ({
  model: 'm',
  ids,
  edits: { ...NO_EDITS, patches },
});

describe('runs', () => {
  it('posts a forgotten run again and repeats the question', async () => {
    const server = new Forgetful();
    const runs = new Runs(server);
    await runs.open(spec([1]));
    server.alive.clear();
    expect((await runs.ask('r1', 'GET', '/next')).status).toBe(200);
    expect(server.posted).toEqual(['r1', 'r1']);
  });

  it('opens a run once', async () => {
    const server = new Forgetful();
    const runs = new Runs(server);
    for (const again of [1, 1]) await runs.open(spec([again]));
    expect(server.posted).toEqual(['r1']);
  });

  it('posts the run that a patch comes from first', async () => {
    const server = new Forgetful();
    const runs = new Runs(server);
    await runs.open(spec([1]));
    server.alive.clear();
    await runs.open(spec([2], [{ layer: 0, head: 0, run: 'r1' }]));
    expect(server.posted).toEqual(['r1', 'r1', 'r2']);
  });

  it('hands on any other problem, and an unknown run', async () => {
    await expect(new Runs(new Forgetful()).ask('r9', 'GET', '/next')).rejects.toThrow('no r9');
  });
});
