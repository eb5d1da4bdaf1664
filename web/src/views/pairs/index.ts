import type { View } from '../registry';
import { en } from './en';
import Pairs from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'pairs',
  section: '3.1',
  order: 1,
  anchor: 'machine-translation',
  texts: { en, zh },
  component: Pairs,
  uses: ['layer', 'head', 'stage'],
  stages: ['all', 'one'],
  sites: (x) => [`h.${x.place.layer}.attn.pattern`],
};
