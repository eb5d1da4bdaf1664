/** Towers to scale: as many blocks high and as wide as the configuration says; all else follows. */
import type { ModelInfo } from '../../api/types';
import { parameters } from '../../core/sizes';
import { RELEASED } from '../../core/released';

export const STAGES = ['this', 'small', 'medium', 'large', 'xl'] as const;

export interface Config {
  n_layer: number;
  n_embd: number;
  n_head: number;
  n_ctx: number;
  vocab_size: number;
}

export interface Tower extends Config {
  key: string;
  name: string;
  isThis: boolean;
  head_dim: number;
  n_inner: number;
  n_parameters: number;
  /** Bytes of the weights at four and at two bytes a parameter. */
  float32: number;
  bfloat16: number;
  /** Bytes of keys and values: for each token, and for a full context. */
  cache: number;
  cacheFull: number;
}

/** Everything about a tower, from its configuration alone. */
export function tower(key: string, name: string, config: Config): Tower {
  const { n_layer, n_embd, n_head, n_ctx, vocab_size } = config;
  const n_parameters = parameters(config);
  const cache = 2 * n_layer * n_embd * 4;
  return {
    ...{ key, name, n_layer, n_embd, n_head, n_ctx, vocab_size, n_parameters, cache },
    isThis: key === 'this',
    head_dim: n_embd / n_head,
    n_inner: 4 * n_embd,
    float32: 4 * n_parameters,
    bfloat16: 2 * n_parameters,
    cacheFull: cache * n_ctx,
  };
}

export function towersOf(model: ModelInfo | null): Tower[] {
  const released = RELEASED.map((one) => tower(one.key, one.name, one));
  return model ? [tower('this', model.name, model.config), ...released] : released;
}

export interface Placed extends Tower {
  /** Its column, and the tower in the middle of it. */
  x: number;
  column: number;
  left: number;
  width: number;
  blocks: number[];
}

/** Side by side in a width, widths on one scale; a thin tower keeps room for its name. */
export function place(
  towers: readonly Tower[],
  width: number,
  { least, gap, rise }: { least: number; gap: number; rise: number },
): Placed[] {
  const room = width - gap * (towers.length - 1);
  const taken = (scale: number) =>
    towers.reduce((sum, { n_embd }) => sum + Math.max(least, n_embd * scale), 0);
  let [low, high] = [0, 0.2];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (taken(middle) > room) high = middle;
    else low = middle;
  }
  const tallest = Math.max(...towers.map(({ n_layer }) => n_layer));
  let x = 0;
  return towers.map((one) => {
    const wide = one.n_embd * low;
    const column = Math.max(least, wide);
    const at = x;
    x += column + gap;
    return {
      ...one,
      x: at,
      column,
      left: at + (column - wide) / 2,
      width: wide,
      blocks: Array.from({ length: one.n_layer }, (_, i) => (tallest - 1 - i) * rise),
    };
  });
}
