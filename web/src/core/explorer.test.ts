// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from 'vitest';
import { memoryAddress } from './cursor.svelte';
import { Explorer } from './explorer.svelte';
import { DEFAULT_TEXT, PAGE_TEXT } from './opening';
import { START, toHash } from './place';
import { Problem } from './problem';
import { wholeReply, type Reply, type Source } from './source';

/** A server whose tokens are the characters of the text, and whose run ids are the texts. */
class Characters implements Source {
  readonly kind = 'http';
  readonly asked: string[] = [];
  readonly bodies: unknown[] = [];
  gone = false;
  models = [
    { name: 'a', fingerprint: 'aaaaaaaaaaaa', n_ctx: 40, words: 'v1' },
    { name: 'b', fingerprint: 'bbbbbbbbbbbb', n_ctx: 12, words: 'v2' },
    { name: 'c', fingerprint: 'cccccccccccc', n_ctx: 40, words: 'music' },
  ];
  current = 'a';
  /** What model a was taught. */
  task: { task: string; marker: string; marker_id: number } | null = null;

  request(method: string, path: string, body?: unknown): Promise<Reply> {
    this.asked.push(`${method} ${path}`);
    this.bodies.push(body);
    if (this.gone) return Promise.reject(new Problem('Lost', 'gone'));
    const reply = this.#answer(path, (body ?? {}) as Record<string, unknown>);
    return Promise.resolve(
      wholeReply(200, 'application/json', new TextEncoder().encode(JSON.stringify(reply)).buffer),
    );
  }

  #answer(path: string, body: Record<string, unknown>): unknown {
    if (path === '/api/models') {
      const models = this.models.map(({ name, fingerprint, n_ctx, words }) => ({
        name,
        fingerprint,
        config: { n_ctx, n_layer: 2, n_head: 2, n_embd: 4, vocab_size: 128 },
        vocabulary: {
          size: 128,
          fingerprint: words,
          eot: 0,
          kind: words === 'music' ? 'performance' : 'text',
        },
        task: name === 'a' ? this.task : null,
      }));
      return { version: '1', current: this.current, models };
    }
    const n_ctx = path.includes('/b/') || body['model'] === 'b' ? 12 : 40;
    if (path.endsWith('/tokenize')) {
      const ids = [...String(body['text'])].map((c) => c.charCodeAt(0));
      return { ids, n_tokens: ids.length, n_ctx };
    }
    if (path.endsWith('/step')) {
      const run = decodeURIComponent(path.split('/')[3]!);
      return {
        info: this.#run([...run].map((c) => c.charCodeAt(0)).concat(Number(body['id'])), n_ctx),
      };
    }
    return this.#run((body['ids'] as number[] | undefined) ?? [0], n_ctx);
  }

  #run(ids: number[], n_ctx: number) {
    const tokens = ids.map((id) => ({
      id,
      text: String.fromCharCode(id),
      bytes: id.toString(16).padStart(2, '0'),
    }));
    return {
      run: encodeURIComponent(String.fromCharCode(...ids)),
      ids,
      tokens,
      n_ctx,
      fingerprint: 'aaaaaaaaaaaa',
    };
  }
}

const idsOf = (text: string) => [...text].map((c) => c.charCodeAt(0));

async function opened(
  hash = '',
  given: Partial<Characters> = {},
): Promise<{ x: Explorer; server: Characters }> {
  const server = Object.assign(new Characters(), given);
  const x = new Explorer(server, memoryAddress(hash));
  await x.start();
  await follow(x);
  return { x, server };
}

/** What the shell does whenever the cursor has moved. */
async function follow(x: Explorer) {
  x.remember();
  await x.follow(new AbortController().signal);
}

describe('the explorer', () => {
  beforeEach(() => sessionStorage.clear());

  it('begins with a text of its own, in the current model', async () => {
    const { x } = await opened();
    expect(x.run?.ids).toEqual(idsOf(DEFAULT_TEXT));
    expect(x.place.model).toBe('a');
    expect([x.step, x.q]).toEqual([DEFAULT_TEXT.length, DEFAULT_TEXT.length - 1]);
  });

  it('opens at the view of what a model was made for, unless the address says another', async () => {
    const translator = { task: { task: 'translation', marker: '<to-de>', marker_id: 7 } };
    const { x } = await opened('', translator);
    expect([x.place.view, x.place.layer]).toEqual(['pairs', 0]);
    expect(x.run?.ids.at(-1)).toBe(7);
    const summarizer = { task: { task: 'summarization', marker: '<sum>', marker_id: 7 } };
    const summary = (await opened('', summarizer)).x;
    expect([summary.place.view, summary.run?.ids.at(-1)]).toEqual(['page', 7]);
    expect((await opened('', { current: 'c' })).x.place.view).toBe('piano');
    expect((await opened('#v=keyboard', translator)).x.place.view).toBe('keyboard');
  });

  it('has a summarizer summarize a page, if it can read one, and say no three words twice', async () => {
    const task = { task: 'summarization', marker: '<sum>', marker_id: 7 };
    const models = [{ name: 'a', fingerprint: 'aaaaaaaaaaaa', n_ctx: 2000, words: 'v1' }];
    const { x, server } = await opened('', { task, models });
    expect(x.run?.ids).toEqual([...idsOf(PAGE_TEXT), 7]);
    await x.arrived();
    await new Promise((resolve) => setTimeout(resolve));
    expect(server.bodies.at(-1)).toMatchObject({
      n: 120,
      settings: { temperature: 0, no_repeat_ngram: 3 },
    });
    expect((await opened('', { task })).x.tooLong.asked).toBeNull();
  });

  it('lets a model answer behind its marker, and never goes on with another text', async () => {
    const task = { task: 'translation', marker: '<to-de>', marker_id: 7 };
    const { x, server } = await opened('#v=towers', { task });
    const asked = () => server.asked.filter((one) => one.includes('/generate'));
    await x.arrived();
    await new Promise((resolve) => setTimeout(resolve));
    expect(asked()).toHaveLength(1);
    await x.generation.ask('a sentence with more letters than the forty of this model');
    await new Promise((resolve) => setTimeout(resolve));
    expect(asked()).toHaveLength(1);
    expect(x.tooLong.asked?.model).toBe('a');
  });

  it('goes where a link leads', async () => {
    const hash = toHash({
      ...START,
      model: 'b',
      fingerprint: 'bbbbbbbbbb',
      ids: idsOf('hey'),
      step: 2,
    });
    const { x } = await opened(hash);
    expect([x.run?.ids, x.place.model, x.step, x.q]).toEqual([idsOf('hey'), 'b', 2, 1]);
  });

  it('keeps what a view is set to in the link, until the view is left', async () => {
    const { x } = await opened();
    x.set('word', 12);
    x.set('by', 'push');
    expect([x.numberSet('word'), x.setting('by'), x.numberSet('by')]).toEqual([12, 'push', null]);
    x.cursor.set({ layer: 1 });
    expect(x.setting('by')).toBe('push');
    x.set('by', null);
    expect(x.place.settings).toEqual({ word: '12' });
    x.cursor.set({ view: 'merge' });
    expect(x.place.settings).toEqual({});
  });

  it('asks nothing of a place that the text does not have any more', async () => {
    const { x } = await opened();
    x.inspector.show({ site: 'logits', q: 5, i: 1 });
    x.inspector.keepWithin(6);
    expect(x.inspector.cell?.q).toBe(5);
    x.inspector.keepWithin(5);
    expect(x.inspector.cell).toBeNull();
    const run = x.run!;
    x.inspector.show({ site: 'logits', q: 5, i: 1, run });
    x.inspector.keepWithin(2);
    expect(x.inspector.cell?.run).toBe(run);
  });

  it('asks before it shows a link that was made for another model, and keeps the link till then', async () => {
    const hash = toHash({ ...START, model: 'z', fingerprint: 'cccccccccc', ids: idsOf('hey') });
    const { x } = await opened(hash);
    expect(x.stranger.place?.model).toBe('z');
    expect(x.run).toBeNull();
    expect(x.place.ids).toEqual(idsOf('hey'));
    await x.stranger.resolve('ids');
    await follow(x);
    expect([x.run?.ids, x.place.model]).toEqual([idsOf('hey'), 'a']);
  });

  it('does the same for the right name with other weights', async () => {
    const hash = toHash({ ...START, model: 'a', fingerprint: 'dddddddddd', ids: idsOf('hey') });
    const { x } = await opened(hash);
    expect(x.stranger.place?.fingerprint).toBe('dddddddddd');
    await x.stranger.resolve('fresh');
    await follow(x);
    expect(x.run?.ids).toEqual(idsOf(DEFAULT_TEXT));
  });

  it('appends with a step, undoes, and branches where the reader stands', async () => {
    const { x, server } = await opened();
    await x.append(33);
    await follow(x);
    expect(x.run?.ids.at(-1)).toBe(33);
    expect(server.asked.filter((one) => one.endsWith('/step'))).toHaveLength(1);
    x.undo();
    await follow(x);
    expect(x.run?.ids).toEqual(idsOf(DEFAULT_TEXT));
    x.visit(1);
    await follow(x);
    x.cursor.set({ step: 3 });
    await x.append(64);
    await follow(x);
    expect(x.run?.ids).toEqual([...idsOf(DEFAULT_TEXT).slice(0, 3), 64]);
  });

  it('takes up its tree of choices after a reload', async () => {
    const { x } = await opened();
    await x.append(33);
    await follow(x);
    x.undo();
    await x.append(34);
    await follow(x);
    const again = (await opened(toHash(x.place))).x;
    expect(again.branches.nodes).toHaveLength(3);
    expect(again.branches.ids()).toEqual(x.place.ids);
  });

  it('asks which part of too long a text to keep', async () => {
    const { x } = await opened();
    await x.write('x'.repeat(41));
    expect(x.tooLong.asked).toMatchObject({ n_ctx: 40 });
    expect(x.place.ids).toEqual(idsOf(DEFAULT_TEXT));
    x.tooLong.keep('first');
    await follow(x);
    expect([x.tooLong.asked, x.run?.ids.length]).toEqual([null, 40]);
  });

  it('reads the same text with the words of another model', async () => {
    const { x } = await opened();
    x.cursor.set({ layer: 1, head: 1 });
    await x.choose('b');
    expect(x.tooLong.asked?.ids).toEqual(idsOf(DEFAULT_TEXT));
    expect([x.place.model, x.place.layer]).toEqual(['a', 1]);
    x.tooLong.keep('last');
    expect([x.place.model, x.place.layer]).toEqual(['b', 0]);
    expect(x.place.ids).toEqual(idsOf(DEFAULT_TEXT).slice(-12));
  });

  it('begins anew between texts and music, for neither is the other', async () => {
    const { x, server } = await opened();
    await x.choose('c');
    await follow(x);
    expect([x.place.model, x.run?.ids]).toEqual(['c', [0]]);
    expect(x.problem).toBeNull();
    await x.choose('a');
    await follow(x);
    expect([x.place.model, x.run?.ids]).toEqual(['a', idsOf(DEFAULT_TEXT)]);
    expect(server.asked.filter((one) => one === 'POST /api/models/c/tokenize')).toHaveLength(1);
  });

  it('says that the server is lost, keeps all, and goes on when it is back', async () => {
    const { x, server } = await opened();
    server.gone = true;
    await x.append(33);
    expect(x.connection.lost).toBe(true);
    expect(x.place.ids).toEqual(idsOf(DEFAULT_TEXT));
    const before = x.connection.epoch;
    server.gone = false;
    await x.connection.retry();
    expect([x.connection.lost, x.connection.epoch]).toEqual([false, before + 1]);
    x.close();
  });
});
