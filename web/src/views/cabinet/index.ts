import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import Cabinet from './View.svelte';

export const view: View = {
  id: 'cabinet',
  section: '1.6',
  order: 4,
  anchor: 'self-attention-process',
  texts: { en, zh },
  component: Cabinet,
  uses: ['layer', 'head', 'clock'],
  sites: (x) => ['q', 'k', 'v', 'z'].map((name) => `h.${x.place.layer}.attn.${name}`),
};
