/** Switching parts of a model off and on again, as edits of a run. */
import type { RunInfo } from '../api/types';
import type { Edits, RunSpec } from './place';

type Pair = [number, number];

/** With this pair taken out if it was in, put in if it was not; in order, so that links are equal. */
export function toggled(pairs: readonly Pair[], one: Pair): Pair[] {
  const rest = pairs.filter(([a, b]) => a !== one[0] || b !== one[1]);
  const all = rest.length < pairs.length ? rest : [...pairs, one];
  return all.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

export function has(pairs: readonly Pair[], layer: number, i: number): boolean {
  return pairs.some(([a, b]) => a === layer && b === i);
}

/** A head taken from another run, or its own again. */
export function patched(edits: Edits, layer: number, head: number, run: string): Edits {
  const rest = edits.patches.filter((p) => p.layer !== layer || p.head !== head);
  if (rest.length < edits.patches.length) return { ...edits, patches: rest };
  return {
    ...edits,
    heads_off: edits.heads_off.filter(([l, h]) => l !== layer || h !== head),
    patches: [...rest, { layer, head, run }].sort((a, b) => a.layer - b.layer || a.head - b.head),
  };
}

/** The same text with everything switched on. */
export function unedited(run: RunInfo): RunSpec {
  const edits: Edits = { heads_off: [], neurons_off: [], causal: run.edits.causal, patches: [] };
  return { model: run.model, ids: run.ids, edits };
}

export function isEdited({ edits }: RunInfo): boolean {
  return edits.heads_off.length + edits.neurons_off.length + edits.patches.length > 0;
}
