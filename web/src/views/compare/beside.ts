/** Which run stands beside the one on the page, and what of the two is drawn. */
import type { Compared, ComparedPiece, ModelInfo, RunInfo } from '../../api/types';
import { toggled } from '../../core/edits';
import type { Explorer } from '../../core/explorer.svelte';
import { isEdited, NO_EDITS, type Edits, type RunSpec } from '../../core/place';

/** Another model; the model without its edits; with the head in front off; a run that was kept. */
export type Choice =
  | { kind: 'model'; model: ModelInfo }
  | { kind: 'plain' | 'head' }
  | { kind: 'kept'; spec: RunSpec };

const NAME = 10;

/** How a link names a choice. */
export function nameOf(choice: Choice): string {
  return choice.kind === 'model' ? choice.model.fingerprint.slice(0, NAME) : choice.kind;
}

/** What can be chosen, the likeliest first: that is the default. */
export function choices(
  run: RunInfo,
  models: readonly ModelInfo[],
  kept: RunSpec | null,
): Choice[] {
  const all: Choice[] = kept ? [{ kind: 'kept', spec: kept }] : [];
  if (isEdited(run.edits)) all.push({ kind: 'plain' });
  for (const model of models) if (model.name !== run.model) all.push({ kind: 'model', model });
  return [...all, { kind: 'head' }];
}

export function chosen(all: readonly Choice[], name: string | null): Choice {
  return all.find((choice) => nameOf(choice) === name) ?? all[0]!;
}

/** The same text with one head more off, or on again. */
export function withHead(edits: Edits, layer: number, head: number): Edits {
  const patches = edits.patches.filter((p) => p.layer !== layer || p.head !== head);
  return { ...edits, patches, heads_off: toggled(edits.heads_off, [layer, head]) };
}

/** What the chosen run is made of. Another vocabulary cuts the text anew. */
export async function specOf(
  x: Explorer,
  run: RunInfo,
  choice: Choice,
  { layer, head }: { layer: number; head: number },
  signal: AbortSignal,
): Promise<RunSpec> {
  const { model, ids } = run;
  if (choice.kind === 'kept') return choice.spec;
  if (choice.kind === 'plain') return { model, ids, edits: NO_EDITS };
  if (choice.kind === 'head') return { model, ids, edits: withHead(run.edits, layer, head) };
  // Of the kinds, this is what is left.
  const other = (choice as Extract<Choice, { kind: 'model' }>).model;
  const [mine, theirs] = [x.called(model)?.vocabulary, other.vocabulary];
  const cut =
    mine && theirs && mine.fingerprint !== theirs.fingerprint
      ? (await x.api.tokenize(other.name, x.api.textOf(run), signal)).ids
      : ids;
  return { model: other.name, ids: cut.slice(0, other.config.n_ctx), edits: NO_EDITS };
}

/** What colours the text. */
export type Tell = 'kl' | 'nll';

/** A number for a piece of the text, by what is told; null where there is none. */
export function told({ kl, nll, other_nll }: ComparedPiece, tell: Tell): number | null {
  if (tell === 'kl') return kl;
  return nll === null || other_nll === null ? null : nll - other_nll;
}

export function tellOf(setting: string | null, found: Compared): Tell {
  return !found.one_vocabulary || setting === 'nll' ? 'nll' : 'kl';
}

/** For each token of the run, the piece that it ends in or belongs to. */
export function pieceAt(pieces: readonly ComparedPiece[], n: number): (number | null)[] {
  const all: (number | null)[] = Array.from({ length: n }, () => null);
  pieces.forEach(({ start, end }, i) => all.fill(i, start, end));
  return all;
}

/** Where a line of the chart begins and ends: the rows of a word in both lists. */
export interface Line {
  id: number;
  from: number | null;
  to: number | null;
}

/** The words of both lists; those of one alone have their rank in the other. */
export function linesOf(here: readonly number[], there: readonly number[]): Line[] {
  const find = (all: readonly number[], id: number) => {
    const at = all.indexOf(id);
    return at < 0 ? null : at;
  };
  return [...new Set([...here, ...there])].map((id) => ({
    id,
    from: find(here, id),
    to: find(there, id),
  }));
}
