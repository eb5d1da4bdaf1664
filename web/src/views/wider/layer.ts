/** What the MLP of a layer does at a position. */
import type { RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Frame } from '../../core/frames';

export const KINDS = ['contribution', 'activation', 'push'] as const;
export type Kind = (typeof KINDS)[number];

export interface Layer {
  run: RunInfo;
  layer: number;
  q: number;
  sites: Record<'ln_2' | 'mlp.pre' | 'mlp.post' | 'mlp_out' | 'resid_post', Frame['data']>;
}

export async function readLayer(
  x: Explorer,
  run: RunInfo,
  layer: number,
  q: number,
  signal: AbortSignal,
): Promise<Layer> {
  const rows = `${q}:${q + 1}`;
  const names = ['ln_2', 'mlp.pre', 'mlp.post', 'mlp_out', 'resid_post'] as const;
  const data = await Promise.all(
    names.map((name) => x.api.tensor(run, `h.${layer}.${name}`, { rows, dtype: 'f4' }, signal)),
  );
  const sites = Object.fromEntries(names.map((name, i) => [name, data[i]!.data])) as Layer['sites'];
  return { run, layer, q, sites };
}
