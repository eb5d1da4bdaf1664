/**
 * One explorer: a source, a cursor, the run it points at, and what a reader can do with them.
 * Components get it from `explorer()`; views read `x.place`, `x.run`, `x.q` and call its verbs.
 */
import { Api } from '../api/client';
import type { ModelInfo, Models, RunInfo } from '../api/types';
import { Language } from '../i18n/language.svelte';
import { Appearance } from './appearance.svelte';
import { Branches } from './branches';
import { Clock } from './clock.svelte';
import { Busy, Connection } from './connection.svelte';
import { Cursor, type Address } from './cursor.svelte';
import { Draft } from './draft.svelte';
import { Generation } from './generation.svelte';
import { Inspector } from './inspector.svelte';
import type { Action } from './keys';
import { openingOf } from './opening';
import {
  ANEW,
  NO_EDITS,
  namesOf,
  type Edits,
  type Place,
  type RunSpec,
  type Settings,
} from './place';
import { asProblem, isAbort, type Problem } from './problem';
import { Recorder } from './recording';
import { Runs } from './runs';
import type { Source } from './source';
import { ofThisTab, type Store } from './storage';
import { Stranger } from './stranger.svelte';
import { TooLong } from './too-long.svelte';

/** What differs where several explorers share one page. */
export interface Home {
  /** To begin with. */
  text?: string;
  appearance?: Appearance;
  /** What outlives a reload. */
  tab?: Store;
}

export class Explorer {
  readonly source: Recorder;
  readonly runs: Runs;
  readonly api: Api;
  readonly language = new Language();
  readonly appearance: Appearance;
  readonly tab: Store;
  readonly clock = new Clock();
  readonly busy = new Busy();
  readonly connection: Connection;
  readonly cursor: Cursor;
  readonly generation: Generation;
  readonly inspector = new Inspector();
  readonly draft: Draft;
  readonly tooLong = new TooLong(this);
  readonly stranger = new Stranger(this);
  /** What a view does on a key, before the shell; see `onAction`. */
  readonly handlers = new Map<Action['do'], (action: Action) => boolean>();

  models = $state.raw<Models | null>(null);
  run = $state.raw<RunInfo | null>(null);
  branches = $state.raw<Branches>(Branches.from([]));
  problem = $state.raw<Problem | null>(null);
  /** A run that the view shows beside that of the cursor, and `compare` does not name. */
  beside = $state.raw<RunSpec | null>(null);

  readonly #waiting: (() => void)[] = [];

  constructor(
    source: Source,
    address: Address,
    private readonly home: Home = {},
  ) {
    this.appearance = home.appearance ?? new Appearance();
    this.tab = home.tab ?? ofThisTab;
    this.draft = new Draft(this.tab);
    this.source = new Recorder(source);
    this.runs = new Runs(this.source);
    this.api = new Api(this.source, this.runs);
    this.connection = new Connection(() => this.start());
    this.cursor = new Cursor(address);
    this.generation = new Generation(this);
  }

  get place(): Readonly<Place> {
    return this.cursor.place;
  }

  /** The model the cursor is on. */
  get model(): ModelInfo | null {
    return this.called(this.place.model);
  }

  /** A model that is served, by its name. */
  called(name: string | undefined): ModelInfo | null {
    return this.models?.models.find((one) => one.name === name) ?? null;
  }

  /** The layer chosen, or the last if the model has fewer. */
  get layer(): number {
    return Math.min(this.place.layer, (this.model?.config.n_layer ?? 1) - 1);
  }

  /** The head chosen, or the last if a layer has fewer. */
  get head(): number {
    return Math.min(this.place.head, (this.model?.config.n_head ?? 1) - 1);
  }

  /** Tokens shown: the step, or all. */
  get step(): number {
    const n = this.run?.ids.length ?? 0;
    return Math.min(n, Math.max(1, this.place.step ?? n));
  }

  /** The query position: the one chosen, or that of the last token shown. */
  get q(): number {
    return Math.min(this.step - 1, this.place.q ?? this.step - 1);
  }

  /** Loads the list of models and goes where the address says. */
  async start(): Promise<void> {
    const done = this.busy.start();
    try {
      this.models = await this.api.models();
      await this.#settle();
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      done();
    }
  }

  /** Makes the place one that this server can show. */
  async #settle(): Promise<void> {
    const { place, models } = this;
    if (!models || this.stranger.place) return;
    const named = this.model;
    if (this.stranger.holdsUp(place, named)) return;
    const model = named ?? this.called(models.current)!;
    const isSilent = this.cursor.isSilent && this.home.text === undefined;
    const opening = isSilent ? openingOf(model).place : {};
    this.cursor.set({ ...opening, ...namesOf(model) }, { quiet: true });
    if (place.ids.length === 0) await this.begin(model);
    if (this.source.kind !== 'embedded') this.draft.restore(model.fingerprint);
  }

  /** A text to begin with, and the answer to it where the model was taught pairs; without a tokenizer the first id. */
  async begin(model: ModelInfo): Promise<void> {
    const { text, isAsked } = openingOf(model);
    if (!model.vocabulary) this.read([0], model.name);
    else if (!isAsked || this.home.text !== undefined)
      await this.write(this.home.text ?? text, model.name);
    else await this.generation.ask(text, model.name).catch((error: unknown) => this.#fail(error));
  }

  /** Loads the run of the cursor; called by the shell whenever the spec changes. */
  async follow(signal: AbortSignal): Promise<void> {
    const { spec } = this.cursor;
    if (!this.models || !spec.model || spec.ids.length === 0 || this.stranger.place) return;
    const done = this.busy.start();
    try {
      const { compare } = this.place;
      if (compare) await this.runs.open(compare, signal);
      const run = await this.runs.open(spec, signal);
      if (signal.aborted) return;
      this.run = run;
      this.problem = null;
      this.#keepInside(run);
    } catch (error) {
      this.#fail(error);
    } finally {
      done();
      if (!signal.aborted) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** A link may name a layer, a head or a position that is not there: the nearest one is. */
  #keepInside({ ids }: RunInfo): void {
    const { layer, head, place } = this;
    const within = (at: number | null) => (at === null ? null : Math.min(at, ids.length - 1));
    const kept = { layer, head, q: within(place.q), k: within(place.k) };
    const names = ['layer', 'head', 'q', 'k'] as const;
    if (names.some((name) => kept[name] !== place[name])) this.cursor.set(kept);
  }

  /** When the run that the cursor asks for is here, or has failed. */
  arrived(): Promise<void> {
    const isHere = this.run !== null && this.run === this.runs.known(this.cursor.spec);
    return isHere ? Promise.resolve() : new Promise((wake) => this.#waiting.push(wake));
  }

  #fail(error: unknown): void {
    if (isAbort(error)) return;
    this.problem = asProblem(error);
    this.connection.notice(error);
  }

  /** Starts anew from a text. Longer than the model: asks which part to keep. */
  async write(text: string, model = this.place.model): Promise<void> {
    const done = this.busy.start();
    try {
      const found = await this.api.tokenize(model, text);
      this.problem = null;
      this.read(found.ids.length > 0 ? found.ids : await this.#unprompted(model), model);
    } catch (error) {
      this.#fail(error);
    } finally {
      done();
    }
  }

  async #unprompted(model: string): Promise<number[]> {
    return (await this.api.createRun({ model, text: '' })).ids;
  }

  /** Starts anew from ids with this model, or asks which part of them to keep: then it is false. */
  read(ids: number[], name = this.place.model): boolean {
    const model = this.called(name);
    if (!model || this.tooLong.holdsUp(ids, model)) return false;
    this.goTo(ids, name === this.place.model ? {} : { ...ANEW, ...namesOf(model) });
    return true;
  }

  /** Starts anew from ids; what else changes with them is one step of the history. */
  goTo(ids: number[], change: Partial<Place> = {}): void {
    this.tooLong.dismiss();
    this.draft.text = null;
    this.branches = Branches.from(ids);
    this.#show(false, change);
  }

  /** After what could not be shown: back to what still is, or to a text that can be. */
  async recover(): Promise<void> {
    this.problem = null;
    const { run } = this;
    const model = this.called(run?.model ?? this.place.model);
    if (!model) return;
    if (run && run === this.runs.known(this.cursor.spec)) return;
    const change = { edits: run?.edits ?? NO_EDITS, compare: null, ...namesOf(model) };
    if (run) this.goTo(run.ids, change);
    else {
      this.cursor.set(change);
      await this.begin(model);
    }
  }

  /**
   * Appends a token to what is shown, with the cache where the run goes on from its end. `quiet`
   * for text that writes itself: it leaves no entry in the browser's history.
   */
  async append(id: number, { quiet = false } = {}): Promise<void> {
    const { run, step } = this;
    if (!run) return;
    const spec = this.cursor.spec;
    const ids = [...run.ids.slice(0, step), id];
    const done = this.busy.start();
    try {
      if (step === run.ids.length && ids.length <= run.n_ctx) {
        const longer = await this.api.step(run.run, id);
        this.runs.put({ ...spec, ids }, longer.info);
      }
      this.branches = this.branches.reach(run.ids.slice(0, step)).append(id);
      this.#show(quiet);
    } catch (error) {
      this.#fail(error);
    } finally {
      done();
    }
  }

  /** Appends the candidate of this row, as the list of likely words has it. */
  async appendRow(row: number): Promise<void> {
    const { run, step } = this;
    if (!run || step >= run.n_ctx || this.source.kind === 'embedded') return;
    try {
      const { candidates } = await this.api.next(run, { q: step - 1, k: 10 });
      const candidate = candidates[row];
      // A second key that came before the first was done belongs to the text that was then shown.
      if (candidate && run === this.run) await this.append(candidate.id);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Appends a token that the server has made and told. */
  extend(id: number): void {
    this.branches = this.branches.reach(this.place.ids).append(id);
    this.#show(true);
  }

  undo(): void {
    this.branches = this.branches.undo();
    this.#show();
  }

  /** To any node of the tree of choices. */
  visit(key: number): void {
    this.branches = this.branches.go(key);
    this.#show();
  }

  #show(quiet = false, change: Partial<Place> = {}): void {
    const ids = this.branches.ids();
    this.cursor.set({ ...change, ids, step: null, q: null, k: null }, { quiet });
    this.tab.set('branches', JSON.stringify(this.branches.save()));
  }

  /** Takes up the tree of this tab if it leads to the text of the address. */
  remember(): void {
    const { ids } = this.place;
    const saved: unknown = JSON.parse(this.tab.get('branches') ?? 'null');
    const tree = this.branches.root.length > 0 ? this.branches : Branches.restore(saved);
    const reached = (tree ?? Branches.from(ids)).reach(ids);
    if (reached.ids().join() !== this.branches.ids().join()) this.branches = reached;
  }

  /** Another model: the same text in its words, or anew where one of them has no texts but music; between a model with and one without a tokenizer, its ids. */
  async choose(name: string): Promise<void> {
    const model = this.called(name);
    if (!model || name === this.place.model) return;
    const [before, after] = [this.model?.vocabulary, model.vocabulary];
    if (this.run && before && after && before.fingerprint !== after.fingerprint) {
      const areTexts = before.kind === 'text' && after.kind === 'text';
      return areTexts ? this.write(this.api.textOf(this.run), name) : this.begin(model);
    }
    const ids = this.place.ids;
    if (ids.every((id) => id < model.config.vocab_size)) this.read(ids, name);
    else await this.begin(model);
  }

  /** What the view is set to, as the link has it. */
  setting(name: string): string | null {
    return this.place.settings[name] ?? null;
  }

  /** A setting that is a number: a neuron, a token, a place in a row. */
  numberSet(name: string): number | null {
    const text = this.setting(name) ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : null;
  }

  /** Sets the view to something, or back to how it opens. */
  set(name: string, value: string | number | null): void {
    const others = Object.entries(this.place.settings).filter(([one]) => one !== name);
    const now = value === null ? [] : [[name, String(value)]];
    this.cursor.set({ settings: Object.fromEntries([...others, ...now]) as Settings });
  }

  /** Another what-if: the same text with these edits. */
  edit(edits: Edits): void {
    this.cursor.set({ edits });
  }

  close(): void {
    this.cursor.close();
    this.connection.close();
    this.appearance.close();
    this.clock.pause();
  }
}
