/** What attention of a layer adds at a position, with the edits and without. */
import type { HeadMerge, RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Frame } from '../../core/frames';
import { isEdited, unedited } from './edits';

export interface Merged {
  run: RunInfo;
  layer: number;
  q: number;
  now: HeadMerge;
  was: HeadMerge;
  z: Frame['data'];
  bias: Frame['data'];
  out: Frame['data'];
  before: Frame['data'];
  after: Frame['data'];
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
  const [was, z, out, before, after, bias] = await Promise.all([
    x.runs
      .open(isEdited(run) ? unedited(run) : { ...unedited(run), edits: run.edits }, signal)
      .then((base) => x.api.merge(base, { layer, q, ...(id === null ? {} : { id }) }, signal)),
    site('attn.z'),
    site('attn_out'),
    site('resid_pre'),
    site('resid_mid'),
    x.api
      .weights(run.model, `h.${layer}.attn.c_proj.bias`, { rows: '0:1' }, signal)
      .then(([frame]) => frame!.data),
  ]);
  // The word that is pushed stays the same, whatever the edits make of the model's choice.
  const now = isEdited(run) ? await x.api.merge(run, { layer, q, id: was.token.id }, signal) : was;
  return { run, layer, q, now, was, z, bias, out, before, after };
}
