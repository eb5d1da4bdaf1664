import type { View } from '../registry';
import { en } from './en';
import Bench from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'bench',
  section: '2.1',
  order: 1,
  anchor: 'self-attention-without-masking',
  texts: { en, zh },
  component: Bench,
  uses: ['layer', 'head', 'stage'],
  stages: ['round', 'live'],
  sites: (x) => [`h.${x.place.layer}.ln_1`],
};
