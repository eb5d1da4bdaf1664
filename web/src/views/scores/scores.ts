/** What the view shows of a position: its logits, their order, and the vocabulary's texts. */
import type { RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { TokenLike } from '../../core/tokens';
import { bytesOf } from '../../core/tokens';
import { ranked } from './sampler';
import { texts } from './search';
import { ranks } from './skyline';

export interface Scores {
  run: RunInfo;
  q: number;
  /** The final residual stream, normalised. */
  final: Float32Array;
  logits: Float64Array;
  order: Uint32Array;
  ranks: Uint32Array;
  texts: (string | null)[];
  tokenOf: (id: number) => TokenLike;
}

export async function readScores(
  x: Explorer,
  run: RunInfo,
  q: number,
  signal: AbortSignal,
): Promise<Scores> {
  const rows = `${q}:${q + 1}`;
  const size = x.model?.vocabulary?.size;
  const [frame, final, vocabulary] = await Promise.all([
    x.api.tensor(run, 'logits', { rows, dtype: 'f4' }, signal),
    x.api.tensor(run, 'ln_f', { rows, dtype: 'f4' }, signal),
    size === undefined ? null : x.api.vocabulary(run.model, signal),
  ]);
  // Rows of the matrix beyond the vocabulary stand for no token and are never drawn.
  const logits = Float64Array.from(frame.data.subarray(0, size ?? frame.data.length));
  const order = ranked(logits);
  const all = vocabulary ? texts(vocabulary.tokens) : [];
  return {
    run,
    q,
    final: final.data as Float32Array,
    logits,
    order,
    ranks: ranks(order),
    texts: all,
    tokenOf: (id) => tokenOf(id, vocabulary?.tokens[id]),
  };
}

function tokenOf(id: number, bytes: string | undefined): TokenLike {
  if (bytes === undefined) return { id, text: `#${id}`, bytes: '' };
  return { id, text: new TextDecoder().decode(bytesOf(bytes)), bytes };
}
