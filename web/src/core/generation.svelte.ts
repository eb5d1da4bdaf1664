/** Text that the model writes on by itself, word by word; a reload in the middle loses no word. */
import type { GenerateBody } from '../api/types';
import type { Explorer } from './explorer.svelte';
import type { Place } from './place';
import { asProblem, isAbort, Problem } from './problem';

export interface Pending {
  /** Words still to come. */
  left: number;
  seed: number;
  settings: NonNullable<GenerateBody['settings']>;
  model: string;
}

/** Words that a model writes behind its marker, at most. */
const LONGEST_ANSWER = 120;

/** As `cutaway summarize` has it: in a summary no three tokens come twice. */
const NO_REPEAT = 3;

export class Generation {
  running = $state(false);
  /** A generation that was cut off by a reload; offered again. */
  cut = $state.raw<Pending | null>(null);
  #controller: AbortController | null = null;

  constructor(private readonly x: Explorer) {
    const saved = x.tab.get('generation');
    if (saved) this.cut = JSON.parse(saved) as Pending;
  }

  async start(pending: Pending): Promise<void> {
    const { x } = this;
    if (!x.run || this.running) return;
    this.cut = null;
    this.running = true;
    const controller = (this.#controller = new AbortController());
    this.#save(pending);
    let { left } = pending;
    let before = x.place;
    try {
      const { seed, settings } = pending;
      const body = { n: left, seed, settings };
      for await (const event of x.api.generate(x.run.run, body, controller.signal)) {
        if (event.event === 'error') throw new Problem(event.error, event.what, event);
        if (event.event !== 'token') continue;
        // A word for a text that the reader has changed since belongs nowhere.
        if (!isSameText(before, x.place)) controller.abort();
        controller.signal.throwIfAborted();
        x.extend(event.id);
        before = x.place;
        this.#save({ ...pending, left: --left });
      }
      this.#save(null);
    } catch (error) {
      if (!isAbort(error)) {
        x.problem = asProblem(error);
        x.connection.notice(error);
        this.cut = { ...pending, left };
      } else this.#save(null);
    } finally {
      this.running = false;
    }
  }

  /**
   * Starts anew from a text with the marker of the model's task behind it; the likeliest words are
   * written as the answer. Rejects where the text cannot be read.
   */
  async ask(text: string, model = this.x.place.model): Promise<void> {
    const { x } = this;
    const done = x.busy.start();
    try {
      const { ids } = await x.api.tokenize(model, text);
      x.problem = null;
      this.answer(ids, model);
    } finally {
      done();
    }
  }

  /** The same for a text whose ids are known. */
  answer(ids: readonly number[], model = this.x.place.model): void {
    const { x } = this;
    const { task, config } = x.called(model) ?? {};
    if (!task || !config || !x.read([...ids, task.marker_id], model)) return;
    const left = Math.min(LONGEST_ANSWER, config.n_ctx - ids.length - 1);
    const no_repeat_ngram = task.task === 'summarization' ? NO_REPEAT : 0;
    const settings = { temperature: 0, no_repeat_ngram };
    if (left > 0) void x.arrived().then(() => this.start({ left, seed: 0, settings, model }));
  }

  stop(): void {
    this.#controller?.abort();
  }

  dismiss(): void {
    this.cut = null;
    this.#save(null);
  }

  #save(pending: Pending | null): void {
    this.x.tab.set('generation', pending && pending.left > 0 ? JSON.stringify(pending) : '');
  }
}

/** Whether two places show one text; the cursor keeps what it does not change. */
function isSameText(one: Readonly<Place>, other: Readonly<Place>): boolean {
  return one.ids === other.ids && one.edits === other.edits && one.model === other.model;
}
