import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import Overview from './View.svelte';

export const view: View = {
  id: 'overview',
  section: '2.3',
  order: 4,
  anchor: 'gpt-2-self-attention-15--splitting-into-attention-heads',
  texts: { en, zh },
  component: Overview,
  uses: ['layer', 'head'],
  sites: (x) => [`h.${x.place.layer}.attn.pattern`],
};
