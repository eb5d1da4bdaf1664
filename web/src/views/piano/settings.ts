/** What the view is set to, as the link has it: which heads are off, how many arcs, from what weight. */
import type { Explorer } from '../../core/explorer.svelte';

export interface Setup {
  layer: number;
  n_layer: number;
  n_head: number;
  /** Heads that are drawn. */
  heads: number[];
  /** Whether the row is that of the event before: what led to the one that is asked about. */
  isWritten: boolean;
  most: number;
  least: number;
  ends: boolean;
}

export const MOST = { least: 1, usual: 10, most: 300 };
/** In thousandths, as the address has it. */
const PER_MILLE = 1000;

export function setupOf(x: Explorer): Setup {
  const { n_layer = 1, n_head = 1 } = x.model?.config ?? {};
  const off = headsOff(x.setting('off'));
  const most = x.numberSet('most') ?? MOST.usual;
  return {
    layer: x.layer,
    n_layer,
    n_head,
    heads: Array.from({ length: n_head }, (_, head) => head).filter((head) => !off.has(head)),
    isWritten: x.place.stage !== 'read',
    most: Math.min(MOST.most, Math.max(MOST.least, most)),
    least: Math.min(1, (x.numberSet('least') ?? 0) / PER_MILLE),
    ends: x.setting('ends') === '1',
  };
}

export function headsOff(text: string | null): Set<number> {
  return new Set((text ?? '').split('-').filter(Boolean).map(Number));
}

/** Draws just these heads. */
export function drawHeads(x: Explorer, heads: readonly number[]): void {
  const { n_head } = setupOf(x);
  const off = Array.from({ length: n_head }, (_, head) => head).filter(
    (head) => !heads.includes(head),
  );
  x.set('off', off.length > 0 ? off.join('-') : null);
}

export function setLeast(x: Explorer, least: number): void {
  x.set('least', least > 0 ? Math.round(least * PER_MILLE) : null);
}
