import type { View } from '../registry';
import { en } from './en';
import Merge from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'merge',
  section: '2.3',
  order: 5,
  anchor: 'gpt-2-self-attention-35--merge-attention-heads',
  texts: { en, zh },
  component: Merge,
  uses: ['layer'],
  sites: (x) =>
    ['attn.z', 'attn_out', 'resid_pre', 'resid_mid'].map((name) => `h.${x.place.layer}.${name}`),
};
