/**
 * All views, found by their folders: `views/<id>/index.ts` exports `view`. Nobody edits a list.
 */
import type { Component } from 'svelte';
import type { Explorer } from '../core/explorer.svelte';
import type { RunInfo } from '../api/types';
import type { Texts } from '../i18n/language.svelte';

export const ARTICLE = 'https://jalammar.github.io/illustrated-gpt2/';

/** The texts that the shell needs of every view; a view's own texts extend them. */
export interface ViewTexts {
  /** In the contents: a word or two. */
  name: string;
  /** The headline: what there is to see. */
  title: string;
  /** One or two sentences under it. */
  lede: string;
  /** Where the article and the model differ. */
  notes: readonly { article: string; model: string }[];
}

export interface ViewProps {
  /** The run to draw; always there, always the newest whose answer has come. */
  run: RunInfo;
}

export type Use = 'layer' | 'head' | 'clock' | 'stage';

export interface View {
  /** The folder's name, and `v=` in the address. */
  id: string;
  /** The article's own number: 1.1 to 2.4. */
  section: string;
  /** Among the views of one section. */
  order: number;
  /** The heading of the article that it belongs to. */
  anchor: string;
  texts: Texts<ViewTexts>;
  component: Component<ViewProps>;
  /** Parts of the cursor that the shell offers controls and keys for. */
  uses: readonly Use[];
  /** The names `[` and `]` step through. */
  stages?: readonly string[];
  /** What the .npz of this view holds: exact names of taps. */
  sites: (x: Explorer) => string[];
}

const found = import.meta.glob<{ view: View }>('./*/index.ts', { eager: true });

export const VIEWS: readonly View[] = Object.values(found)
  .map(({ view }) => view)
  .sort((a, b) => a.section.localeCompare(b.section) || a.order - b.order);

export function viewOf(id: string): View | undefined {
  return VIEWS.find((view) => view.id === id);
}

/** The views under the article's parts. */
export const PARTS: readonly { part: number; views: readonly View[] }[] = [1, 2, 3]
  .map((part) => ({ part, views: VIEWS.filter(({ section }) => section.startsWith(`${part}.`)) }))
  .filter(({ views }) => views.length > 0);
