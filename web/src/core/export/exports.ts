/** The six ways out of a view, each with a receipt: model, weights, tokens, edits, version. */
import type { View } from '../../views/registry';
import type { Explorer } from '../explorer.svelte';
import { toHash } from '../place';
import { ownPage, pageWith, servedPage } from './page';
import { pictureOf, pngOf, type Picture } from './picture';
import { save } from './save';

export type Format = 'svg' | 'png' | 'html' | 'npz' | 'link' | 'cell';

export interface Receipt {
  model: string;
  fingerprint: string;
  ids: number[];
  edits: unknown;
  view: string;
  version: string;
}

export function receiptOf(x: Explorer): Receipt {
  const { model, ids, edits, view } = x.place;
  const fingerprint = x.run?.fingerprint ?? '';
  return { model, fingerprint, ids, edits, view, version: x.models?.version ?? '' };
}

/** Gives true where something was copied rather than saved. */
export async function exportView(
  x: Explorer,
  view: View,
  format: Format,
  stage: HTMLElement,
): Promise<boolean> {
  const name = `cutaway-${view.section}-${view.id}`;
  switch (format) {
    case 'svg':
      save(pictureFor(x, stage).svg, `${name}.svg`, 'image/svg+xml');
      return false;
    case 'png':
      save(await pngOf(pictureFor(x, stage)), `${name}.png`);
      return false;
    case 'html':
      save(await htmlFor(x), `${name}.html`, 'text/html');
      return false;
    case 'npz':
      save(new Blob([await x.api.npz(x.run!, view.sites(x))]), `${name}.npz`);
      return false;
    case 'link':
      await navigator.clipboard.writeText(linkFor(x));
      return true;
    case 'cell':
      await navigator.clipboard.writeText(cellFor(x));
      return true;
  }
}

function pictureFor(x: Explorer, stage: HTMLElement): Picture {
  const receipt = receiptOf(x);
  const { model, fingerprint, ids, version } = receipt;
  const line = x.language.shell.exports.receipt(
    model,
    fingerprint.slice(0, 12),
    ids.length,
    version,
  );
  const page = getComputedStyle(stage.closest('.cutaway') ?? stage).backgroundColor;
  return pictureOf(stage, { page, receipt: line, metadata: receipt });
}

async function htmlFor(x: Explorer): Promise<string> {
  // The file opens the run by its ids, whichever way it was made here.
  await x.api.createRun(x.cursor.spec);
  for (const spec of [x.place.compare, x.beside]) if (spec) await x.api.createRun(spec);
  const page = x.source.kind === 'widget' ? await servedPage(x.source) : ownPage();
  return pageWith(page, {
    hash: toHash(x.place),
    language: x.language.code,
    theme: x.appearance.theme,
    receipt: receiptOf(x),
    answers: x.source.recorded(),
  });
}

/** Where `cutaway explore` serves unless told otherwise. */
const SERVER = 'http://127.0.0.1:8337/';

/** This page at this place; a notebook's own address says nothing of it, the server's does. */
function linkFor(x: Explorer): string {
  const page = x.source.kind === 'widget' ? SERVER : location.href.replace(/#.*$/s, '');
  return page + toHash(x.place);
}

/** A notebook cell that shows the same. */
export function cellFor(x: Explorer): string {
  const { ids } = x.place;
  const source = x.model?.source ?? x.place.model;
  const text = x.run ? x.api.textOf(x.run) : '';
  return [
    'import cutaway',
    '',
    `lm = cutaway.load(${JSON.stringify(source)})`,
    `cutaway.explore(lm, ${JSON.stringify(text)}, place=${JSON.stringify(toHash({ ...x.place, ids }))})`,
  ].join('\n');
}
