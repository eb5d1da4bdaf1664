/** What attention of a layer adds at a position, with the edits and without. */
import type { HeadMerge, RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Frame } from '../../core/frames';
import { isEdited, unedited } from '../../core/edits';

export interface Merged {
  run: RunInfo;
  layer: number;
  q: number;
  now: HeadMerge;
  was: HeadMerge;
  z: Frame['data'];
  bias: Frame['data'];
  /** The projection made small: the largest size in each tile, the heads' rows never mixed. */
  tiles: Frame;
  out: Frame['data'];
  before: Frame['data'];
  after: Frame['data'];
}

const TILES = 96;

/** As many tiles as there is room for, the same number for each head. */
export function tilesOf(n_head: number): number {
  return n_head * Math.max(1, Math.floor(TILES / n_head));
}

export async function readMerge(
  x: Explorer,
  run: RunInfo,
  { layer, q, id }: { layer: number; q: number; id: number | null },
  signal: AbortSignal,
): Promise<Merged> {
  const rows = `${q}:${q + 1}`;
  const site = async (name: string) =>
    (await x.api.tensor(run, `h.${layer}.${name}`, { rows, dtype: 'f4' }, signal)).data;
  const projection = `h.${layer}.attn.c_proj`;
  const [was, z, out, before, after, bias, tiles] = await Promise.all([
    x.runs
      .open(isEdited(run) ? unedited(run) : { ...unedited(run), edits: run.edits }, signal)
      .then((base) => x.api.merge(base, { layer, q, ...(id === null ? {} : { id }) }, signal)),
    site('attn.z'),
    site('attn_out'),
    site('resid_pre'),
    site('resid_mid'),
    x.api
      .weights(run.model, `${projection}.bias`, { rows: '0:1' }, signal)
      .then(([frame]) => frame!.data),
    x.api
      .weights(
        run.model,
        `${projection}.weight`,
        { pool: tilesOf(x.model?.config.n_head ?? 1) },
        signal,
      )
      .then((frames) => frames[1]!),
  ]);
  // The word that is pushed stays the same, whatever the edits make of the model's choice.
  const now = isEdited(run) ? await x.api.merge(run, { layer, q, id: was.token.id }, signal) : was;
  return { run, layer, q, now, was, z, bias, tiles, out, before, after };
}
