import type { View } from '../registry';
import { en } from './en';
import Page from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'page',
  section: '3.2',
  order: 1,
  anchor: 'summarization',
  texts: { en, zh },
  component: Page,
  uses: ['layer', 'head', 'stage'],
  stages: ['all', 'one'],
  sites: (x) => [`h.${x.place.layer}.attn.pattern`],
};
