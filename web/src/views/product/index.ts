import type { View } from '../registry';
import { en } from './en';
import Product from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'product',
  section: '2.3',
  order: 2,
  anchor: 'gpt-2-self-attention-1--creating-queries-keys-and-values',
  texts: { en, zh },
  component: Product,
  uses: ['layer', 'clock'],
  sites: (x) =>
    ['ln_1', 'attn.qkv', 'attn.q', 'attn.k', 'attn.v'].map((name) => `h.${x.place.layer}.${name}`),
};
