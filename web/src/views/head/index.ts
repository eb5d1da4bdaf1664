import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import Head from './View.svelte';

export const view: View = {
  id: 'head',
  section: '2.3',
  order: 3,
  anchor: 'gpt-2-self-attention-2--scoring',
  texts: { en, zh },
  component: Head,
  uses: ['layer', 'head', 'clock'],
  sites: (x) => ['q', 'k', 'v', 'z'].map((name) => `h.${x.place.layer}.attn.${name}`),
};
