/** What lies before one who plays: the score, the play-head, what is asked about, and the verbs. */
import type { Candidate, RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import { eventOf, kindsOf } from './events';
import { peaks, type Looks } from './looks';
import { Player } from './player.svelte';
import { Rows } from './rows';
import { lengthOf, readScore } from './score';
import { drawHeads, setupOf } from './settings';
import { Sound } from './sound';

/** Events that the model writes at one go. */
const AT_A_GO = 200;

export class Desk {
  readonly rows: Rows;
  readonly player: Player;
  readonly run = $derived.by(() => this.current());
  readonly setup = $derived.by(() => setupOf(this.x));
  readonly score = $derived(readScore(this.run.tokens));
  readonly kinds = $derived(kindsOf(this.run.tokens));
  readonly seconds = $derived(lengthOf(this.score));
  /** The event that looks: what is struck while it plays, else what is chosen. */
  readonly asked = $derived.by(() => (this.player.playing ? this.player.event : this.x.q));
  /** Whose row it is; below 0 for none. */
  readonly q = $derived(
    this.asked === null ? -1 : this.setup.isWritten ? this.asked - 1 : this.asked,
  );
  /** The note of that event, or the last one struck before it; -1 for none. */
  readonly note = $derived(this.score.notes.findLastIndex(({ on }) => on <= (this.asked ?? -1)));

  constructor(
    private readonly x: Explorer,
    private readonly current: () => RunInfo,
    sound = new Sound(),
  ) {
    this.rows = new Rows(x);
    const piece = () => ({
      notes: this.score.notes,
      seconds: this.seconds,
      goesOn: x.generation.running,
      still: x.appearance.reducedMotion,
    });
    this.player = new Player(piece, sound);
  }

  get canWrite(): boolean {
    return this.x.source.kind !== 'embedded' && this.x.step < this.run.n_ctx;
  }

  /** The rows of what is asked about now. */
  looks(): Promise<Looks> | null {
    const { run, score, kinds, asked, q, rows, player } = this;
    const { layer } = this.setup;
    if (q < 0 || asked === null || asked >= run.ids.length) return null;
    if (player.playing) rows.ahead(run, layer, q);
    return rows.at(run, layer, q).then((heads) => ({ run, score, kinds, layer, asked, q, heads }));
  }

  choose(event: number): void {
    const { x, player, score, run } = this;
    player.pause();
    player.seek(score.times[event] ?? 0);
    const chosen = score.notes.find(({ on }) => on === event);
    if (chosen) player.sounds(chosen);
    if (event < x.step) x.cursor.set({ q: event, k: null });
    else x.cursor.set({ step: event + 1 === run.ids.length ? null : event + 1, q: null, k: null });
  }

  append({ id, text }: Pick<Candidate, 'id' | 'text'>): void {
    const event = eventOf(text);
    const { velocity } = readScore(this.run.tokens.slice(0, this.x.step));
    if (event?.kind === 'on') this.player.sounds({ pitch: event.value, velocity });
    void this.x.append(id);
  }

  /** Plays on or stops; where it was stopped is what is then looked at. */
  toggle(): void {
    const { x, player } = this;
    const event = player.playing ? player.event : null;
    player.toggle();
    if (event !== null && event < x.step) x.cursor.set({ q: event, k: null });
  }

  /** The model writes, and what it writes is heard. */
  writeOn(): void {
    const { x, player, run, seconds } = this;
    if (x.generation.running) {
      x.generation.stop();
      return;
    }
    const left = Math.min(AT_A_GO, run.n_ctx - run.ids.length);
    void x.generation.start({ left, seed: run.ids.length, settings: {}, model: run.model });
    player.seek(seconds);
    player.play();
  }

  /** The picture of the article: the last turn of the motif, and what it looks at. */
  showMotif(): void {
    const { notes } = readScore(this.x.run?.tokens ?? []);
    const last = peaks(notes).at(-1);
    if (last !== undefined) this.choose(notes[last]!.on);
  }

  moveLayer(by: 1 | -1): void {
    const { layer, n_layer } = this.setup;
    this.x.cursor.set({ layer: Math.min(n_layer - 1, Math.max(0, layer + by)) });
  }

  /** One head after the other, alone. */
  moveHead(by: 1 | -1): void {
    const { heads, n_head } = this.setup;
    const [one] = heads.length === 1 ? heads : [by > 0 ? -1 : 0];
    drawHeads(this.x, [((one ?? 0) + by + n_head) % n_head]);
  }
}
