/** Attention rows for a play-head: some neighbours at once, asked for ahead of their time. */
import type { RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Frame } from '../../core/frames';

/** Queries that come in one answer. */
const AT_ONCE = 16;
/** Answers that are held. */
const HELD = 24;

export class Rows {
  readonly #held = new Map<string, Promise<Frame>>();

  constructor(private readonly x: Explorer) {}

  /** The rows of all heads of a block at a query, as wide as the mask lets them be. */
  async at(run: RunInfo, layer: number, q: number): Promise<Float32Array[]> {
    const n = run.ids.length;
    const first = q - (q % AT_ONCE);
    const { header, data } = await this.#chunk(run, layer, first);
    const [heads, queries, width] = header.shape as [number, number, number];
    const seen = run.edits.causal ? q + 1 : n;
    return Array.from({ length: heads }, (_, head) => {
      const from = (head * queries + q - first) * width;
      return (data as Float32Array).subarray(from, from + seen);
    });
  }

  /** Asks for what is soon wanted; who asks in earnest hears of what goes wrong. */
  ahead(run: RunInfo, layer: number, q: number): void {
    const first = q - (q % AT_ONCE) + AT_ONCE;
    if (first < run.ids.length) void this.#chunk(run, layer, first).catch(() => undefined);
  }

  /** Never given up half way: a play-head comes back for it. */
  #chunk(run: RunInfo, layer: number, first: number): Promise<Frame> {
    const key = `${run.run}.${layer}.${first}`;
    const known = this.#held.get(key);
    if (known) return known;
    const rows = `${first}:${Math.min(run.ids.length, first + AT_ONCE)}`;
    const asked = this.x.api.tensor(run, `h.${layer}.attn.pattern`, { rows, dtype: 'f4' });
    this.#held.set(key, asked);
    asked.catch(() => this.#held.delete(key));
    const [oldest] = this.#held.keys();
    if (this.#held.size > HELD && oldest) this.#held.delete(oldest);
    return asked;
  }
}
