/** The run with its mask, whatever the run shown has. */
import type { RunInfo } from '../../api/types';
import type { Explorer } from '../../core/explorer.svelte';
import type { Edits } from '../../core/place';

/** The run itself where it has one; else the same text and edits with the mask on. */
export async function boundRun(x: Explorer, run: RunInfo, signal: AbortSignal): Promise<RunInfo> {
  if (run.edits.causal) return run;
  const edits = { ...run.edits, causal: true } as Edits;
  return x.runs.open({ model: run.model, ids: run.ids, edits }, signal);
}
